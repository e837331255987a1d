#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/common/http/router.h"
#include "libs/common/http/url.h"

namespace common::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Url, EncodesEverythingButTheUnreserved) {
  EXPECT_EQ(UrlEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(UrlEncode("a b&c=d/\xff+"), "a%20b%26c%3Dd%2F%FF%2B");
}

TEST(Url, DecodesWhatItEncodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(UrlDecode(UrlEncode(all), Plus::kLiteral), all);
  EXPECT_EQ(UrlDecode("a+b", Plus::kSpace), "a b");
  EXPECT_EQ(UrlDecode("a+b", Plus::kLiteral), "a+b");
}

TEST(Url, RefusesBrokenEscapes) {
  for (const char* bad : {"%", "%4", "%g0", "%0g", "a%", "%%41", "%-1", "% 1"}) {
    EXPECT_EQ(UrlDecode(bad, Plus::kLiteral), std::nullopt) << bad;
    EXPECT_EQ(FormDecode(std::string("a=") + bad), std::nullopt) << bad;
  }
}

TEST(Url, FormsRoundTripInOrder) {
  const Params params = {{"scope", "a:b c"}, {"state", "x&y="}, {"scope", ""}};
  EXPECT_EQ(FormEncode(params), "scope=a%3Ab%20c&state=x%26y%3D&scope=");
  EXPECT_EQ(FormDecode(FormEncode(params)), params);
  EXPECT_EQ(FindParam(params, "scope"), "a:b c");
  EXPECT_EQ(FindParam(params, "none"), std::nullopt);
}

TEST(Url, ReadsLooseFormsAndBoundsThem) {
  EXPECT_THAT(*FormDecode("&a&&b=1=2&=c&"),
              ElementsAre(Pair("a", ""), Pair("b", "1=2"), Pair("", "c")));
  std::string many;
  for (size_t i = 0; i < kMaxParams; ++i) many += "&a";
  EXPECT_EQ(FormDecode(many)->size(), kMaxParams);
  EXPECT_EQ(FormDecode(many + "&a"), std::nullopt);
}

Route To(std::string method, std::string pattern) {
  return {.method = std::move(method),
          .pattern = std::move(pattern),
          .handler = [](const Request&) { return Response{}; }};
}

TEST(Router, FindsLiteralsBeforeVariables) {
  const auto router = *Router::Create({To("POST", "/hooks/{id}"), To("GET", "/hooks/{id}"),
                                       To("POST", "/hooks/all"), To("POST", "/hooks/{id}/replay"),
                                       To("POST", "/hooks")});
  const auto match = router.Find("POST", "/hooks/7%2F8");
  EXPECT_EQ(match.route->pattern, "/hooks/{id}");
  EXPECT_EQ(match.parameter, "7%2F8");
  EXPECT_EQ(router.Find("POST", "/hooks/all").route->pattern, "/hooks/all");
  EXPECT_EQ(router.Find("POST", "/hooks").route->pattern, "/hooks");
  EXPECT_EQ(router.Find("POST", "/hooks/7/replay").parameter, "7");
  EXPECT_EQ(router.Find("GET", "/hooks/all").parameter, "all");
}

TEST(Router, TellsAbsentPathsFromWrongMethods) {
  const auto router = *Router::Create({To("POST", "/hooks/{id}"), To("GET", "/hooks/{id}")});
  EXPECT_EQ(router.Find("PUT", "/hooks/7").allow, "POST, GET");
  for (const char* absent : {"/", "/hooks", "/hooks/", "/hooks/7/", "/hooks/7/8", "/HOOKS/7", ""}) {
    const auto match = router.Find("POST", absent);
    EXPECT_EQ(match.route, nullptr) << absent;
    EXPECT_EQ(match.allow, "") << absent;
  }
}

TEST(Router, RefusesPatternsItCannotServe) {
  for (const char* bad : {"", "hooks", "/a?b", "/{a}/{b}", "/a{b}", "/{a", "/a}", "/{a}b", "/}{"}) {
    EXPECT_FALSE(Router::Create({To("GET", bad)}).ok()) << bad;
  }
  EXPECT_FALSE(Router::Create({To("GET", "/a"), To("GET", "/a")}).ok());
  EXPECT_FALSE(Router::Create({To("GET", "/{a}"), To("GET", "/{b}")}).ok());
  EXPECT_FALSE(Router::Create({{.method = "GET", .pattern = "/a"}}).ok());
}

TEST(Request, HeaderNamesHaveNoCase) {
  const Request request{.headers = {{"Content-Type", "a"}, {"content-type", "b"}}};
  EXPECT_EQ(request.Header("CONTENT-TYPE"), "a");
  EXPECT_EQ(request.Header("Content"), std::nullopt);
}

}  // namespace
}  // namespace common::http
