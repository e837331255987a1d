#include "libs/common/metrics/metrics.h"

#include <prometheus/text_serializer.h>

namespace common::metrics {
namespace {

const Histogram::BucketBoundaries kSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                              0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5,
                                              5,      10,      30,     60,    300};

}  // namespace

Registry::Registry() : registry_(std::make_shared<prometheus::Registry>()) {}

Counter& Registry::GetCounter(const std::string& name, const std::string& help,
                              const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

Gauge& Registry::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

Histogram& Registry::GetTimer(const std::string& name, const std::string& help,
                              const Labels& labels) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(labels, kSeconds);
}

void Registry::OnScrape(std::function<void()> sample) {
  const std::lock_guard lock(mutex_);
  samples_.push_back(std::move(sample));
}

std::vector<prometheus::MetricFamily> Registry::Collect() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& sample : samples_) sample();
  }
  return registry_->Collect();
}

std::string Registry::Text() { return prometheus::TextSerializer().Serialize(Collect()); }

void RaiseTo(Counter& counter, uint64_t total) {
  counter.Increment(static_cast<double>(total) - counter.Value());
}

}  // namespace common::metrics
