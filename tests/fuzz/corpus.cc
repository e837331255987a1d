// Runs every file of the kept corpus through its target once: `fuzz_corpus <folder>`. What the
// fuzzer found yesterday is a test today, with any compiler.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/fuzz/target.h"

namespace {

namespace fs = std::filesystem;

// In an allocation of exactly its size, so that a sanitizer sees whoever reads past its end.
void RunFile(const fuzz::Target& target, const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), bytes.get());
  target.run({bytes.get(), text.size()});
}

size_t RunCorpus(const fuzz::Target& target, const fs::path& folder) {
  if (!fs::is_directory(folder)) return 0;
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::cerr << "\r" << target.name << " " << entry.path().filename().string() << std::flush;
    RunFile(target, entry.path());
    ++files;
  }
  std::cerr << "\r";
  std::cout << target.name << ": " << files << " files" << std::string(50, ' ') << std::endl;
  return files;
}

bool IsTarget(const std::string& name) {
  return std::any_of(fuzz::Targets().begin(), fuzz::Targets().end(),
                     [&](const fuzz::Target& target) { return target.name == name; });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_corpus <folder>\n";
    return 2;
  }
  const fs::path corpus = argv[1];
  int missing = 0;
  for (const fuzz::Target& target : fuzz::Targets()) {
    target.run({});
    if (RunCorpus(target, corpus / target.name) > 0) continue;
    std::cerr << target.name << ": no corpus; ./dev fuzz " << target.name << " makes one\n";
    ++missing;
  }
  for (const auto& entry : fs::directory_iterator(corpus)) {
    if (IsTarget(entry.path().filename().string())) continue;
    std::cerr << entry.path() << " is the corpus of no target\n";
    ++missing;
  }
  return missing == 0 ? 0 : 1;
}
