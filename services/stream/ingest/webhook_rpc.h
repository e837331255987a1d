// The two ways in: WebhookService, and the HTTP routes that platforms call. Both run the same code.
#pragma once
#include <vector>

#include <bannou/stream/v1/webhook.grpc.pb.h>

#include "libs/common/http/router.h"
#include "libs/common/rpc/service.h"
#include "services/stream/ingest/webhook_worker.h"

namespace stream::ingest {

namespace v1 = bannou::stream::v1;

class WebhookRpc final : public common::rpc::Service<v1::WebhookService> {
 public:
  WebhookRpc(const common::rpc::Edge& edge, TwitchWebhook& twitch)
      : Service(edge), twitch_(twitch) {}

  BANNOU_UNARY(HandleTwitchWebhook, v1::TwitchWebhookPayload, v1::HandleTwitchWebhookResponse)
  BANNOU_UNARY_LATER(HandleYouTubeWebhook, v1::YouTubeWebhookPayload,
                     v1::HandleYouTubeWebhookResponse)
  BANNOU_UNARY_LATER(HandleCustomWebhook, v1::CustomWebhookPayload, v1::HandleCustomWebhookResponse)

 private:
  TwitchWebhook& twitch_;
};

// POST /stream/webhook/twitch and /stream/webhook/twitch/{linkId}.
std::vector<common::http::Route> WebhookRoutes(TwitchWebhook& twitch);

}  // namespace stream::ingest
