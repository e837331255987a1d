// The two ways in: WebhookService, and the HTTP routes that platforms call. Both run the same code.
#pragma once
#include <vector>

#include <bannou/stream/v1/webhook.grpc.pb.h>

#include "libs/common/http/router.h"
#include "libs/common/rpc/service.h"
#include "services/stream/ingest/custom_webhook_worker.h"
#include "services/stream/ingest/webhook_worker.h"
#include "services/stream/ingest/youtube_webhook_worker.h"

namespace stream::ingest {

namespace v1 = bannou::stream::v1;

// All outlive whoever has it.
struct Webhooks {
  TwitchWebhook& twitch;
  YouTubeWebhook& youtube;
  CustomWebhook& custom;
};

class WebhookRpc final : public common::rpc::Service {
 public:
  WebhookRpc(const common::rpc::Edge& edge, const Webhooks& webhooks)
      : Service(edge, v1::WebhookService::service_full_name()), webhooks_(webhooks) {
    Handle("HandleTwitchWebhook", &WebhookRpc::HandleTwitchWebhook);
    Handle("HandleYouTubeWebhook", &WebhookRpc::HandleYouTubeWebhook);
    Handle("HandleCustomWebhook", &WebhookRpc::HandleCustomWebhook);
  }

  absl::Status HandleTwitchWebhook(common::rpc::CallContext& call,
                                   const v1::TwitchWebhookPayload& request,
                                   v1::HandleTwitchWebhookResponse& response);
  absl::Status HandleYouTubeWebhook(common::rpc::CallContext& call,
                                    const v1::YouTubeWebhookPayload& request,
                                    v1::HandleYouTubeWebhookResponse& response);
  absl::Status HandleCustomWebhook(common::rpc::CallContext& call,
                                   const v1::CustomWebhookPayload& request,
                                   v1::HandleCustomWebhookResponse& response);

 private:
  const Webhooks webhooks_;
};

// POST /stream/webhook/twitch and /stream/webhook/twitch/{linkId}; GET and POST
// /stream/webhook/youtube/{linkId}; POST /stream/webhook/custom/{linkId}.
std::vector<common::http::Route> WebhookRoutes(const Webhooks& webhooks);

}  // namespace stream::ingest
