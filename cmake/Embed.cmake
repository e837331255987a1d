# bannou_embed(<target> <namespace> <glob>): makes the files that match, sorted by name, part of the
# target. With namespace a::b the code includes "embedded/a/b.h" and calls a::b::Files(), which
# gives a std::span of common::embed::File.
function(bannou_embed target namespace glob)
  file(GLOB files CONFIGURE_DEPENDS ${glob})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  list(LENGTH files count)
  if(count EQUAL 0)
    message(FATAL_ERROR "bannou_embed: nothing matches ${glob}")
  endif()
  string(REPLACE "::" "/" path ${namespace})
  set(stem ${CMAKE_CURRENT_BINARY_DIR}/gen/embedded/${path})
  set(rows)
  foreach(file IN LISTS files)
    file(READ ${file} content)
    get_filename_component(name ${file} NAME)
    string(APPEND rows "    {\"${name}\", R\"__embed__(${content})__embed__\"},\n")
  endforeach()
  bannou_write_if_different(${stem}.h "#pragma once
#include <span>

#include \"libs/common/embed/embed.h\"

namespace ${namespace} {
std::span<const common::embed::File> Files();
}
")
  bannou_write_if_different(${stem}.cc "#include \"embedded/${path}.h\"

namespace {
constexpr common::embed::File kFiles[] = {
${rows}};
}
std::span<const common::embed::File> ${namespace}::Files() { return kFiles; }
")
  target_sources(${target} PRIVATE ${stem}.cc)
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_BINARY_DIR}/gen)
endfunction()

function(bannou_write_if_different file content)
  if(EXISTS ${file})
    file(READ ${file} old)
  endif()
  if(NOT "${old}" STREQUAL "${content}")
    file(WRITE ${file} "${content}")
  endif()
endfunction()

# bannou_embed_bytes(<target> <function> <file>): makes a file of any bytes part of the target as it
# is. The code declares `std::span<const unsigned char> a::b()` and gets a definition of it. The
# digest in the source makes a compiler cache notice another content.
function(bannou_embed_bytes target function file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  string(REPLACE "::" "_" symbol "embedded_${function}")
  string(REGEX REPLACE "::[^:]*$" "" namespace ${function})
  string(REGEX REPLACE "^.*::" "" name ${function})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/gen/${symbol}.cc)
  file(SIZE ${file} size)
  file(SHA256 ${file} digest)
  bannou_write_if_different(${source} "// ${digest}
#include <span>

asm(R\"(
  .section .rodata
  .balign 64
  .globl ${symbol}
${symbol}:
  .incbin \"${file}\"
  .previous
)\");
extern \"C\" const unsigned char ${symbol}[${size}];

namespace ${namespace} {
std::span<const unsigned char> ${name}() { return ${symbol}; }
}  // namespace ${namespace}
")
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
endfunction()
