-- Ids that neighbours gave to what is theirs (seeds, wallets, contracts), for the ones that we made.
-- `owner_id` and `game_service_id` say what a row goes with when it is erased; NULL: not known.
CREATE TABLE IF NOT EXISTS neighbour_id (
  ours BINARY(16) NOT NULL,
  theirs BINARY(16) NOT NULL,
  owner_id BINARY(16) NULL,
  game_service_id BINARY(16) NULL,
  PRIMARY KEY (ours),
  KEY neighbour_id_owner (owner_id),
  KEY neighbour_id_game (game_service_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
