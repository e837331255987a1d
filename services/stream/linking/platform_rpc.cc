#include "services/stream/linking/platform_rpc.h"

#include <google/protobuf/util/time_util.h>

#include "libs/common/base/status.h"
#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "services/stream/errors.h"
#include "services/stream/linking/rtmp_url.h"

namespace stream::linking {
namespace {

using common::Uuid;
using common::config::Secret;
using platforms::Platform;

constexpr size_t kWebhookSecretBytes = 32;

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

absl::Status PlatformRpc::LinkPlatform(common::rpc::CallContext& call,
                                       const v1::LinkPlatformRequest& request,
                                       v1::LinkPlatformResponse& response) {
  if (request.platform() == v1::STREAM_PLATFORM_CUSTOM) {
    return LinkCustom(call, request, response);
  }
  if (request.has_custom_rtmp_endpoint()) {
    return common::errors::Make(kRtmpEndpointInvalid, "only Custom has an RTMP endpoint");
  }
  const auto callback_url =
      request.has_callback_url() ? std::optional(request.callback_url()) : std::nullopt;
  ASSIGN_OR_RETURN(const auto begun,
                   parts_.flow.Begin(*Uuid::Parse(request.account_id()),
                                     static_cast<Platform>(request.platform()), callback_url));
  response.set_authorization_url(begun.authorization_url);
  response.set_link_request_id(begun.request_id.ToString());
  return absl::OkStatus();
}

// There is nobody to ask: the link is active at once, and its secret is shown this once.
absl::Status PlatformRpc::LinkCustom(common::rpc::CallContext& call,
                                     const v1::LinkPlatformRequest& request,
                                     v1::LinkPlatformResponse& response) {
  if (!request.has_custom_rtmp_endpoint()) {
    return common::errors::Make(kRtmpEndpointRequired, "Custom needs an RTMP endpoint");
  }
  if (!IsRtmpUrl(request.custom_rtmp_endpoint())) {
    return common::errors::Make(kRtmpEndpointInvalid, "the endpoint is not rtmp[s]://host/path");
  }
  if (request.has_callback_url()) {
    return common::errors::Make(kCallbackUrlNotAllowed, "Custom has no OAuth callback");
  }
  const Secret secret(
      common::crypto::Base64UrlEncode(common::crypto::RandomBytes(kWebhookSecretBytes)));
  const Link link{.link_id = Uuid::V7(call.now),
                  .account_id = *Uuid::Parse(request.account_id()),
                  .platform = Platform::kCustom,
                  .linked_at = call.now};
  RETURN_IF_ERROR(
      parts_.links.InsertCustom({link, Secret(request.custom_rtmp_endpoint()), secret}));
  parts_.on_linked();
  response.set_link_id(link.link_id.ToString());
  response.set_webhook_url(WebhookUrl(parts_.public_url, link.platform, link.link_id));
  response.set_webhook_secret(secret.Reveal());
  return absl::OkStatus();
}

absl::Status PlatformRpc::UnlinkPlatform(common::rpc::CallContext& call,
                                         const v1::UnlinkPlatformRequest& request,
                                         v1::UnlinkPlatformResponse&) {
  RETURN_IF_ERROR(parts_.links.Remove(*Uuid::Parse(request.account_id()),
                                      *Uuid::Parse(request.link_id()), call.now));
  parts_.on_unlinked();
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
                   parts_.flow.Complete(*Uuid::Parse(request.link_request_id()), account,
                                        request.state(), Secret(request.authorization_code())));
  Write(named, response);
  return absl::OkStatus();
}

absl::Status PlatformRpc::ListPlatforms(common::rpc::CallContext&,
                                        const v1::ListPlatformsRequest& request,
                                        v1::ListPlatformsResponse& response) {
  ASSIGN_OR_RETURN(const auto links, parts_.links.List(*Uuid::Parse(request.account_id())));
  for (const NamedLink& named : links) Write(named, *response.add_platforms());
  return absl::OkStatus();
}

}  // namespace stream::linking
