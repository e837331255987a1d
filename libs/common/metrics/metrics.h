// The process's Prometheus metrics, in text format 0.0.4. Labels are few and closed: an id, a name
// or a text of a person is never one.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace common::metrics {

using Labels = std::map<std::string, std::string>;
using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

class Registry {
 public:
  Registry();

  // The same name and labels give the same object, which lives as long as the registry.
  // Names are Prometheus's: base units, counters end in _total.
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Buckets for durations in seconds, from 100 microseconds to 5 minutes.
  Histogram& GetTimer(const std::string& name, const std::string& help, const Labels& labels = {});

  // `sample` sets metrics just before every scrape: for depths of pools and queues. It runs on the
  // thread that answers the scrape, so it must not wait for anything but short locks. What it
  // refers to must outlive the last scrape.
  void OnScrape(std::function<void()> sample);

  // All metrics that were asked for so far, as a scrape finds them.
  std::vector<prometheus::MetricFamily> Collect();
  // The same in text format 0.0.4.
  std::string Text();

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::mutex mutex_;
  std::vector<std::function<void()>> samples_;
};

// For a count that somebody else keeps: raises the counter to `total`. One thread at a time.
void RaiseTo(Counter& counter, uint64_t total);

}  // namespace common::metrics
