// Files that are part of the program: see bannou_embed() in cmake/Embed.cmake.
#pragma once
#include <string_view>

namespace common::embed {

struct File {
  std::string_view name;     // without folders
  std::string_view content;  // every byte of it
};

}  // namespace common::embed
