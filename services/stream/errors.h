// Every reason that the stream daemon's own rules give; docs/errors.md is generated from it.
#pragma once
#include <vector>

#include "libs/common/errors/errors.h"

namespace stream {

using common::errors::Reason;

inline constexpr Reason kPlatformNotConfigured{
    "PLATFORM_NOT_CONFIGURED", absl::StatusCode::kFailedPrecondition,
    "The operator has not set up this platform; choose another one."};
inline constexpr Reason kPlatformAlreadyLinked{
    "PLATFORM_ALREADY_LINKED", absl::StatusCode::kFailedPrecondition,
    "The account has a link to this platform already; unlink it first."};
inline constexpr Reason kPlatformAccountTaken{"PLATFORM_ACCOUNT_TAKEN",
                                              absl::StatusCode::kAlreadyExists,
                                              "The platform account is linked to another account."};
inline constexpr Reason kPlatformUnavailable{
    "PLATFORM_UNAVAILABLE", absl::StatusCode::kUnavailable,
    "The platform does not answer as it should; try again after a pause."};
inline constexpr Reason kCallbackUrlNotAllowed{"CALLBACK_URL_NOT_ALLOWED",
                                               absl::StatusCode::kInvalidArgument,
                                               "The callback URL is not on the operator's list."};
inline constexpr Reason kRtmpEndpointRequired{
    "RTMP_ENDPOINT_REQUIRED", absl::StatusCode::kInvalidArgument,
    "A Custom platform is linked by its RTMP URL, which the request does not name."};
inline constexpr Reason kRtmpEndpointInvalid{
    "RTMP_ENDPOINT_INVALID", absl::StatusCode::kInvalidArgument,
    "The RTMP endpoint is not rtmp[s]://host/path, or the platform is not Custom."};
inline constexpr Reason kLinkLimitReached{
    "LINK_LIMIT_REACHED", absl::StatusCode::kFailedPrecondition,
    "The account has as many Custom links as it may; unlink one first."};
inline constexpr Reason kAccountDeleted{"ACCOUNT_DELETED", absl::StatusCode::kFailedPrecondition,
                                        "The account was deleted; nothing is stored for it."};
inline constexpr Reason kLinkRequestNotFound{
    "LINK_REQUEST_NOT_FOUND", absl::StatusCode::kNotFound,
    "No such pending link request: unknown, expired, used, or somebody else's."};
inline constexpr Reason kOAuthStateMismatch{
    "OAUTH_STATE_MISMATCH", absl::StatusCode::kInvalidArgument,
    "The state is not the one that this link request began with."};
inline constexpr Reason kAuthorizationCodeInvalid{
    "AUTHORIZATION_CODE_INVALID", absl::StatusCode::kInvalidArgument,
    "The platform does not accept the authorization code; begin again."};
inline constexpr Reason kLinkNotFound{"LINK_NOT_FOUND", absl::StatusCode::kNotFound,
                                      "No such link: absent, or somebody else's."};
inline constexpr Reason kLinkInactive{
    "LINK_INACTIVE", absl::StatusCode::kFailedPrecondition,
    "The platform refused the link's tokens for good; link again."};
inline constexpr Reason kPlatformNotLive{"PLATFORM_NOT_LIVE", absl::StatusCode::kFailedPrecondition,
                                         "The platform says that the channel is not live."};
inline constexpr Reason kPlatformSessionActive{"PLATFORM_SESSION_ACTIVE",
                                               absl::StatusCode::kAlreadyExists,
                                               "The link has an active platform session."};
inline constexpr Reason kPlatformSessionNotFound{
    "PLATFORM_SESSION_NOT_FOUND", absl::StatusCode::kNotFound,
    "No such platform session: absent, over, or somebody else's."};
inline constexpr Reason kPulseNotFound{
    "PULSE_NOT_FOUND", absl::StatusCode::kNotFound,
    "The session is not active, or has not published a pulse yet."};
inline constexpr Reason kWebhookSignatureInvalid{
    "WEBHOOK_SIGNATURE_INVALID", absl::StatusCode::kPermissionDenied,
    "A header is missing, the signature is wrong, or no secret is configured."};
inline constexpr Reason kWebhookStale{"WEBHOOK_STALE", absl::StatusCode::kPermissionDenied,
                                      "The message was sent more than 10 minutes away from now."};
inline constexpr Reason kWebhookMalformed{"WEBHOOK_MALFORMED", absl::StatusCode::kInvalidArgument,
                                          "The signed body is not what its type promises."};

inline std::vector<Reason> Reasons() {
  return {kPlatformNotConfigured,
          kPlatformAlreadyLinked,
          kPlatformAccountTaken,
          kPlatformUnavailable,
          kCallbackUrlNotAllowed,
          kRtmpEndpointRequired,
          kRtmpEndpointInvalid,
          kLinkLimitReached,
          kAccountDeleted,
          kLinkRequestNotFound,
          kOAuthStateMismatch,
          kAuthorizationCodeInvalid,
          kLinkNotFound,
          kLinkInactive,
          kPlatformNotLive,
          kPlatformSessionActive,
          kPlatformSessionNotFound,
          kPulseNotFound,
          kWebhookSignatureInvalid,
          kWebhookStale,
          kWebhookMalformed};
}

}  // namespace stream
