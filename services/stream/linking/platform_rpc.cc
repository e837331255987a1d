#include "services/stream/linking/platform_rpc.h"

#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "services/stream/errors.h"

namespace stream::linking {
namespace {

using common::Uuid;
using common::config::Secret;
using platforms::Platform;

void Write(const NamedLink& named, v1::PlatformLinkDetail& out) {
  out.set_link_id(named.link.link_id.ToString());
  out.set_account_id(named.link.account_id.ToString());
  out.set_platform(static_cast<v1::StreamPlatform>(named.link.platform));
  out.set_platform_display_name(named.display_name.Reveal());
  *out.mutable_linked_at() = google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(
      common::ToMicros(named.link.linked_at));
  out.set_is_active(named.link.is_active);
}

}  // namespace

absl::Status PlatformRpc::LinkPlatform(common::rpc::CallContext&,
                                       const v1::LinkPlatformRequest& request,
                                       v1::LinkPlatformResponse& response) {
  if (request.platform() == v1::STREAM_PLATFORM_CUSTOM) {
    return common::errors::Make(common::errors::kNotImplemented,
                                "linking a Custom platform is not part of this version yet");
  }
  const auto callback_url =
      request.has_callback_url() ? std::optional(request.callback_url()) : std::nullopt;
  ASSIGN_OR_RETURN(const auto begun,
                   flow_.Begin(*Uuid::Parse(request.account_id()),
                               static_cast<Platform>(request.platform()), callback_url));
  response.set_authorization_url(begun.authorization_url);
  response.set_link_request_id(begun.request_id.ToString());
  return absl::OkStatus();
}

absl::Status PlatformRpc::PlatformCallback(common::rpc::CallContext& call,
                                           const v1::PlatformCallbackRequest& request,
                                           v1::PlatformLinkDetail& response) {
  // A service relays the redirect for whoever it was; anybody else finishes what is their own.
  const auto account = call.identity.IsPrivileged() ? std::nullopt : call.identity.account;
  if (!call.identity.IsPrivileged() && !account) {
    return common::errors::Make(kLinkRequestNotFound, "no such pending link request");
  }
  ASSIGN_OR_RETURN(const NamedLink named,
                   flow_.Complete(*Uuid::Parse(request.link_request_id()), account, request.state(),
                                  Secret(request.authorization_code())));
  Write(named, response);
  return absl::OkStatus();
}

absl::Status PlatformRpc::ListPlatforms(common::rpc::CallContext&,
                                        const v1::ListPlatformsRequest& request,
                                        v1::ListPlatformsResponse& response) {
  ASSIGN_OR_RETURN(const auto links, links_.List(*Uuid::Parse(request.account_id())));
  for (const NamedLink& named : links) Write(named, *response.add_platforms());
  return absl::OkStatus();
}

}  // namespace stream::linking
