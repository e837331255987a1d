// Who calls: the claims of a verified token, and what they allow.
#pragma once
#include <optional>
#include <set>
#include <string>

#include <bannou/common/v1/options.pb.h>

#include "libs/common/base/uuid.h"

namespace common::rpc {

struct Identity {
  std::optional<Uuid> account;  // the token's `sub`, when it is an account
  bool user = false;
  bool developer = false;
  bool admin = false;
  bool service = false;
  std::set<std::string, std::less<>> states;

  // admin satisfies every role; service satisfies user and developer; developer satisfies user.
  bool Satisfies(bannou::common::v1::Role role) const;
  // Every state of the list, which admin and service have always.
  template <class States>
  bool HasStates(const States& required) const {
    if (IsPrivileged()) return true;
    for (const auto& state : required) {
      if (!states.contains(state)) return false;
    }
    return true;
  }
  // Whether the caller may act on what belongs to `owner`.
  bool MayActFor(const Uuid& owner) const { return IsPrivileged() || account == owner; }
  bool IsPrivileged() const { return admin || service; }
};

}  // namespace common::rpc
