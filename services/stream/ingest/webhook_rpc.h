// The two ways in: WebhookService, and the HTTP routes that platforms call. Both run the same code.
#pragma once
#include <vector>

#include <bannou/stream/v1/webhook.grpc.pb.h>

#include "libs/common/http/router.h"
#include "libs/common/rpc/service.h"
#include "services/stream/ingest/webhook_worker.h"

namespace stream::ingest {

namespace v1 = bannou::stream::v1;

class WebhookRpc final : public common::rpc::Service {
 public:
  WebhookRpc(const common::rpc::Edge& edge, TwitchWebhook& twitch)
      : Service(edge, v1::WebhookService::service_full_name()), twitch_(twitch) {
    Handle("HandleTwitchWebhook", &WebhookRpc::HandleTwitchWebhook);
  }

  absl::Status HandleTwitchWebhook(common::rpc::CallContext& call,
                                   const v1::TwitchWebhookPayload& request,
                                   v1::HandleTwitchWebhookResponse& response);

 private:
  TwitchWebhook& twitch_;
};

// POST /stream/webhook/twitch and /stream/webhook/twitch/{linkId}.
std::vector<common::http::Route> WebhookRoutes(TwitchWebhook& twitch);

}  // namespace stream::ingest
