#include "libs/common/runtime/run.h"
#include "services/stream/bind.h"
#include "services/stream/settings.h"

int main(int argc, char** argv) {
  return common::runtime::Run<stream::Settings>(argc, argv,
                                                {.name = "stream",
                                                 .prefix = "STREAM",
                                                 .table = stream::SettingsTable(),
                                                 .server = &stream::Settings::server,
                                                 .check = stream::Check,
                                                 .bind = stream::Bind,
                                                 .commands = stream::Commands(),
                                                 .private_memory = true});
}
