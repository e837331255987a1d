#include "libs/common/runtime/auth.h"

#include "libs/common/base/status.h"
#include "libs/common/log/log.h"

namespace common::runtime {
namespace {

constexpr std::chrono::minutes kWarningInterval{1};

metrics::Counter& ReadsCounter(metrics::Registry& metrics, const char* result) {
  return metrics.GetCounter(
      "auth_key_file_reads_total",
      "Versions of the token key file that were read, by what became of them.",
      {{"result", result}});
}

}  // namespace

Auth::Auth(const ServerSettings& settings, metrics::Registry& metrics)
    : insecure_(settings.auth_mode == "insecure"),
      verifier_({.hs256_key = settings.auth_hs256_key,
                 .issuer = settings.auth_issuer,
                 .audience = settings.auth_audience,
                 .clock_skew = settings.auth_clock_skew}),
      keys_(metrics.GetGauge("auth_keys", "Keys that verify tokens now.")),
      used_(ReadsCounter(metrics, "used")),
      refused_(ReadsCounter(metrics, "refused")) {
  metrics.GetGauge("auth_insecure", "1 when every caller is an admin: AUTH_MODE=insecure.")
      .Set(insecure_ ? 1 : 0);
  if (!settings.auth_keys_file.empty()) file_.emplace(settings.auth_keys_file);
  ReadKeys();
}

void Auth::Tick(Time now) {
  ReadKeys();
  WarnIfInsecure(now);
}

void Auth::ReadKeys() {
  keys_.Set(static_cast<double>(verifier_.key_count()));
  auto read = file_ ? file_->ReadIfChanged() : std::nullopt;
  if (!read) return;
  if (const absl::Status& status = read->status(); !status.ok()) {
    // A mistaken or half-written file locks nobody out: the keys before it stay.
    refused_.Increment();
    log::Error("auth.keys_refused", {{"problem", ToStd(status.message())}});
    return;
  }
  rpc::JwkSet set = **std::move(read);
  for (const std::string& problem : set.skipped()) {
    log::Warning("auth.key_skipped", {{"problem", problem}});
  }
  verifier_.UseKeys(std::move(set));
  used_.Increment();
  keys_.Set(static_cast<double>(verifier_.key_count()));
  log::Info("auth.keys_used", {{"count", verifier_.key_count()}});
}

void Auth::WarnIfInsecure(Time now) {
  if (!insecure_ || now < next_warning_) return;
  next_warning_ = now + kWarningInterval;
  log::Error("auth.insecure",
             {{"meaning", "AUTH_MODE=insecure: every caller is an admin. Never in production."}});
}

}  // namespace common::runtime
