#include "libs/common/rpc/identity.h"

namespace common::rpc {

bool Identity::Satisfies(bannou::common::v1::Role role) const {
  if (admin) return true;
  switch (role) {
    case bannou::common::v1::ROLE_USER:
      return user || developer || service;
    case bannou::common::v1::ROLE_DEVELOPER:
      return developer || service;
    case bannou::common::v1::ROLE_SERVICE:
      return service;
    default:
      return false;
  }
}

}  // namespace common::rpc
