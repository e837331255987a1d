#include "libs/common/rpc/identity.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace common::rpc {
namespace {

namespace v1 = bannou::common::v1;

const Uuid kAccount = *Uuid::Parse("11111111-2222-4333-8444-555555555555");
const Uuid kOther = *Uuid::Parse("99999999-2222-4333-8444-555555555555");

const Identity kNobody{};
const Identity kUser{.account = kAccount, .user = true};
const Identity kDeveloper{.account = kAccount, .developer = true};
const Identity kAdmin{.account = kAccount, .admin = true};
const Identity kService{.service = true};

// Whether it satisfies user, developer, service, admin.
std::array<bool, 4> Row(const Identity& identity) {
  return {identity.Satisfies(v1::ROLE_USER), identity.Satisfies(v1::ROLE_DEVELOPER),
          identity.Satisfies(v1::ROLE_SERVICE), identity.Satisfies(v1::ROLE_ADMIN)};
}

TEST(Identity, EveryRoleAloneAgainstEveryRequiredRole) {
  EXPECT_EQ(Row(kNobody), (std::array{false, false, false, false}));
  EXPECT_EQ(Row(kUser), (std::array{true, false, false, false}));
  EXPECT_EQ(Row(kDeveloper), (std::array{true, true, false, false}));
  EXPECT_EQ(Row(kService), (std::array{true, true, true, false}));
  EXPECT_EQ(Row(kAdmin), (std::array{true, true, true, true}));
}

TEST(Identity, RolesAdd) {
  const Identity both{.user = true, .developer = true};
  EXPECT_EQ(Row(both), Row(kDeveloper));
  const Identity all{.user = true, .developer = true, .admin = true, .service = true};
  EXPECT_EQ(Row(all), Row(kAdmin));
}

TEST(Identity, ARoleThatIsNoneIsTheAdminsOnly) {
  for (const auto role : {v1::ROLE_UNSPECIFIED, static_cast<v1::Role>(99)}) {
    for (const Identity* identity : {&kNobody, &kUser, &kDeveloper, &kService}) {
      EXPECT_FALSE(identity->Satisfies(role)) << role;
    }
  }
}

TEST(Identity, StatesAreTheTokensOwnButForAdminAndService) {
  const std::vector<std::string> none;
  const std::vector<std::string> one{"in_game"};
  const std::vector<std::string> two{"in_game", "online"};
  for (const Identity* identity : {&kNobody, &kUser, &kDeveloper}) {
    EXPECT_TRUE(identity->HasStates(none));
    EXPECT_FALSE(identity->HasStates(one));
    Identity playing = *identity;
    playing.states = {"in_game"};
    EXPECT_TRUE(playing.HasStates(one));
    EXPECT_FALSE(playing.HasStates(two));
    playing.states = {"in_game", "online", "more"};
    EXPECT_TRUE(playing.HasStates(two));
    playing.states = {"IN_GAME"};
    EXPECT_FALSE(playing.HasStates(one));
  }
  EXPECT_TRUE(kAdmin.HasStates(two));
  EXPECT_TRUE(kService.HasStates(two));
}

TEST(Identity, ActsForItselfButForAdminAndService) {
  EXPECT_FALSE(kNobody.MayActFor(kAccount));
  for (const Identity* identity : {&kUser, &kDeveloper}) {
    EXPECT_TRUE(identity->MayActFor(kAccount));
    EXPECT_FALSE(identity->MayActFor(kOther));
  }
  for (const Identity* identity : {&kAdmin, &kService}) {
    EXPECT_TRUE(identity->MayActFor(kAccount));
    EXPECT_TRUE(identity->MayActFor(kOther));
  }
}

}  // namespace
}  // namespace common::rpc
