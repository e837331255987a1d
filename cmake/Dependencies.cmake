# The only place that looks for anything outside this tree. Every package is Debian 12's.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(Boost REQUIRED)
find_package(GTest REQUIRED)

# Their CMake configs are broken or absent: nats.c's names a static library that is not shipped.
pkg_check_modules(NATS REQUIRED IMPORTED_TARGET libnats)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)

find_path(MYSQLCPPCONN_INCLUDE cppconn/driver.h REQUIRED)
find_library(MYSQLCPPCONN_LIBRARY mysqlcppconn REQUIRED)
add_library(mysqlcppconn INTERFACE)
target_include_directories(mysqlcppconn SYSTEM INTERFACE ${MYSQLCPPCONN_INCLUDE})
target_link_libraries(mysqlcppconn INTERFACE ${MYSQLCPPCONN_LIBRARY})

# Protos that others own: google/rpc comes with gogo-googleapis, health with grpc-proto.
find_path(GOOGLE_RPC_PROTOS google/rpc/status.proto
  PATHS /usr/share/gocode/src/github.com/gogo/googleapis REQUIRED)
find_path(GRPC_PROTOS grpc/health/v1/health.proto PATHS /usr/share/grpc-proto REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  # gcc's precompiled headers need this sloppiness, see the ccache manual. Depend mode takes the
  # headers from the compiler's dependency file: preprocessing with a precompiled header can eat all
  # memory (gcc 12, -fpch-preprocess). Without the directory in the hash, another checkout of the
  # same source finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 ${CCACHE})
endif()
