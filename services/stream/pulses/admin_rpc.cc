#include "services/stream/pulses/admin_rpc.h"

#include "libs/common/base/status.h"
#include "services/stream/errors.h"
#include "services/stream/privacy/wipe.h"

namespace stream::pulses {

absl::Status AdminRpc::GetLatestPulse(common::rpc::CallContext&,
                                      const v1::LatestPulseRequest& request,
                                      v1::SentimentPulse& response) {
  ASSIGN_OR_RETURN(const auto payload,
                   buffer_.Latest(*common::Uuid::Parse(request.platform_session_id())));
  if (!payload || !response.ParseFromString(*payload)) {
    return common::errors::Make(kPulseNotFound, "no active session, or no pulse yet");
  }
  return absl::OkStatus();
}

absl::Status AdminRpc::TestSentimentProcessing(common::rpc::CallContext&,
                                               const v1::TestSentimentRequest& request,
                                               v1::TestSentimentResponse& response) {
  for (const std::string& sample : request.sample_messages()) {
    const sentiment::Sentiment felt = sentiment::Classify(sample);
    privacy::WipeReceived(sample);
    v1::SentimentEntry& entry = *response.add_entries();
    entry.set_category(static_cast<v1::SentimentCategory>(felt.category));
    entry.set_intensity(InSteps(felt.intensity));
  }
  return absl::OkStatus();
}

}  // namespace stream::pulses
