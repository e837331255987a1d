#include "libs/common/runtime/run.h"
#include "services/streaming/bind.h"
#include "services/streaming/settings.h"

int main(int argc, char** argv) {
  return common::runtime::Run<streaming::Settings>(argc, argv,
                                                   {.name = "streaming",
                                                    .prefix = "STREAMING",
                                                    .table = streaming::SettingsTable(),
                                                    .server = &streaming::Settings::server,
                                                    .check = streaming::Check,
                                                    .bind = streaming::Bind});
}
