#include "services/stream/linking/oauth_rpc.h"

#include <algorithm>

#include "libs/common/base/deadline.h"
#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/log/log.h"
#include "services/stream/errors.h"

namespace stream::linking {
namespace {

using common::Uuid;
using common::config::Secret;
using common::errors::Make;
using common::http::FindParam;
using common::http::Request;
using common::http::Response;
using common::http::TextResponse;
using platforms::Platform;

constexpr size_t kUuidBytes = 16;
constexpr size_t kStateSecretBytes = 32;
constexpr size_t kVerifierRandomBytes = 32;        // PendingStore::kVerifierBytes in base64
constexpr std::chrono::seconds kRedirectTime{10};  // as long as an RPC may take

// The state names its request, because a browser comes back with nothing else, and proves it.
std::string NewState(const Uuid& request_id) {
  return common::crypto::Base64UrlEncode(request_id.ToBytes() +
                                         common::crypto::RandomBytes(kStateSecretBytes));
}

std::optional<Uuid> RequestOf(std::string_view state) {
  const auto bytes = common::crypto::Base64UrlDecode(state);
  if (!bytes || bytes->size() != kUuidBytes + kStateSecretBytes) return std::nullopt;
  return Uuid::FromBytes(std::string_view(*bytes).substr(0, kUuidBytes));
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    default:
      return 503;
  }
}

}  // namespace

absl::StatusOr<OAuthFlow::Begun> OAuthFlow::Begin(const Uuid& account, Platform platform,
                                                  const std::optional<std::string>& callback_url) {
  platforms::PlatformClient* const client = platforms_.Find(platform);
  if (client == nullptr) {
    return Make(kPlatformNotConfigured, "the operator has not configured this platform");
  }
  const auto& allowed = options_.callbacks_allowed;
  if (callback_url && std::find(allowed.begin(), allowed.end(), *callback_url) == allowed.end()) {
    return Make(kCallbackUrlNotAllowed, "the callback URL is not on the list of allowed ones");
  }
  ASSIGN_OR_RETURN(const bool deleted, links_.IsDeleted(account));
  if (deleted) return Make(kAccountDeleted, "the account was deleted");
  ASSIGN_OR_RETURN(const bool linked, links_.IsLinked(account, platform));
  if (linked) return Make(kPlatformAlreadyLinked, "the account has a link to this platform");

  const Uuid request_id = Uuid::V4();
  const std::string word(platforms::WordOf(platform));
  const platforms::AuthorizationRequest request{
      .redirect_uri = callback_url.value_or(options_.public_url + "/stream/oauth/callback/" + word),
      .state = NewState(request_id),
      .code_verifier = Secret(
          common::crypto::Base64UrlEncode(common::crypto::RandomBytes(kVerifierRandomBytes)))};
  RETURN_IF_ERROR(pending_.Put({.request_id = request_id,
                                .account_id = account,
                                .platform = platform,
                                .state_digest = common::crypto::Sha256(request.state),
                                .code_verifier = request.code_verifier,
                                .redirect_uri = request.redirect_uri}));
  return Begun{request_id, client->AuthorizationUrl(request)};
}

absl::StatusOr<PendingLink> OAuthFlow::TakePending(const Uuid& request_id,
                                                   const std::optional<Uuid>& account,
                                                   const std::string& state) {
  ASSIGN_OR_RETURN(auto pending, pending_.Find(request_id));
  if (!pending || (account && *account != pending->account_id)) {
    return Make(kLinkRequestNotFound, "no such pending link request");
  }
  // A wrong state leaves the request to its owner: it cannot be guessed in ten minutes.
  if (!common::crypto::ConstantTimeEquals(common::crypto::Sha256(state), pending->state_digest)) {
    return Make(kOAuthStateMismatch, "the state is not the one of this link request");
  }
  ASSIGN_OR_RETURN(const bool taken, pending_.Take(request_id));
  if (!taken) return Make(kLinkRequestNotFound, "no such pending link request");
  return *std::move(pending);
}

absl::StatusOr<NamedLink> OAuthFlow::Complete(const Uuid& request_id,
                                              const std::optional<Uuid>& account,
                                              const std::string& state, const Secret& code) {
  ASSIGN_OR_RETURN(const PendingLink pending, TakePending(request_id, account, state));
  platforms::PlatformClient* const client = platforms_.Find(pending.platform);
  if (client == nullptr) {
    return Make(kPlatformNotConfigured, "the operator has not configured this platform");
  }
  const platforms::AuthorizationRequest request{
      .redirect_uri = pending.redirect_uri, .state = {}, .code_verifier = pending.code_verifier};
  ASSIGN_OR_RETURN(const platforms::Tokens tokens, client->ExchangeCode(code, request));
  return Store(*client, pending, tokens);
}

absl::StatusOr<NamedLink> OAuthFlow::Store(platforms::PlatformClient& client,
                                           const PendingLink& pending,
                                           const platforms::Tokens& tokens) {
  auto identity = client.ReadIdentity(tokens.access);
  if (!identity.ok()) {
    GiveBack(client, tokens, std::nullopt);
    return identity.status();
  }
  const common::Time now = common::Now();
  const Link link{.link_id = Uuid::V7(now),
                  .account_id = pending.account_id,
                  .platform = pending.platform,
                  .linked_at = now};
  const auto stored = links_.Insert({link, *identity, tokens});
  if (!stored.ok()) {
    GiveBack(client, tokens, identity->user_id);
    return stored.status();
  }
  on_linked_();
  return NamedLink{*stored, std::move(identity->display_name)};
}

// As good as can be: nobody waits for it. Google ends all grants of a user at once, so it is not
// asked where another link may stand on one.
void OAuthFlow::GiveBack(platforms::PlatformClient& client, const platforms::Tokens& tokens,
                         const std::optional<privacy::PlatformUserId>& user) {
  if (client.platform() == Platform::kYouTube) {
    if (!user) return;
    const auto other = links_.FindByUser(Platform::kYouTube, *user);
    if (!other.ok() || *other) return;
  }
  if (!client.Revoke(tokens).ok()) common::log::Warning("oauth.grant_left");
}

std::vector<common::http::Route> OAuthFlow::Routes() {
  return {{.method = "GET",
           .pattern = "/stream/oauth/callback/{platform}",
           .handler = [this](const Request& request) { return HandleRedirect(request); },
           .sensitive = true}};
}

// The platform in the path is for the operator's eyes; the pending request knows it.
Response OAuthFlow::HandleRedirect(const Request& request) {
  const auto state = FindParam(request.query, "state");
  const auto code = FindParam(request.query, "code");
  if (FindParam(request.query, "error")) {
    return TextResponse(400, "The platform did not grant the link. You may close this page.\n");
  }
  const auto request_id = state ? RequestOf(*state) : std::nullopt;
  if (!request_id || !code || code->empty()) {
    return TextResponse(400, "This is not a redirect that we asked for.\n");
  }
  const common::DeadlineScope deadline(kRedirectTime);
  const auto linked =
      Complete(*request_id, std::nullopt, std::string(*state), Secret(std::string(*code)));
  if (linked.ok()) return TextResponse(200, "Linked. You may close this page.\n");
  const std::string reason = common::errors::ReasonOf(linked.status()).value_or("INTERNAL");
  common::log::Info("oauth.redirect_failed", {{"reason", reason}});
  return TextResponse(HttpStatusOf(linked.status()), "Not linked: " + reason + "\n");
}

}  // namespace stream::linking
