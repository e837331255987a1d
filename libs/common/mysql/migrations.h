// Brings a database's schema to what the program expects, or refuses.
#pragma once
#include <span>

#include "libs/common/embed/embed.h"
#include "libs/common/mysql/connection.h"

namespace common::mysql {

// Applies, in order and under a named lock, the files `V001__what.sql`, `V002__…` that
// `schema_history` does not list yet. A file holds one or more statements, each ended by a
// semicolon at the end of a line. The database commits each DDL statement by itself, so that a file
// which failed half-way is run again from its start: write statements that may be repeated.
//
// A file that older programs can live with says so in a line "-- Suits programs since: V007"; they
// then start on the schema of a newer one, too, so that versions may run side by side and a new one
// may be taken back.
//
// FAILED_PRECONDITION, and nothing is changed, when the schema has diverged: an applied file has
// another checksum now, or the database knows a version that does not suit the program.
// INVALID_ARGUMENT when the files themselves have a gap or a malformed name. On a connection of its
// own, since changing a large table takes longer than `options` allow a statement: an hour at most.
absl::Status Migrate(const Options& options, std::span<const embed::File> files);

}  // namespace common::mysql
