// train_sentiment --data DIR: makes weights.bin anew from the research data in DIR and our own
// lines, and says how good it is. --check writes nothing and fails when the shipped file would
// change.
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "services/stream/sentiment/training/recipe.h"

namespace stream::sentiment::training {
namespace {

struct Arguments {
  std::string data;
  std::string ours = "services/stream/sentiment";
  bool check = false;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
      arguments.data = argv[++i];
    } else if (std::strcmp(argv[i], "--check") == 0) {
      arguments.check = true;
    } else {
      arguments.data.clear();
      break;
    }
  }
  if (arguments.data.empty()) {
    throw std::runtime_error("usage: train_sentiment --data DIR [--check]");
  }
  return arguments;
}

void Print(const char* name, const Marks& marks) {
  std::printf("%-26s %8.3f %8.3f %6.3f %8.3f", name, marks.accuracy, marks.macro_f1,
              marks.affect_auc, marks.hostile_recall);
  for (const double f1 : marks.f1) std::printf(" %5.2f", f1);
  std::printf("\n");
}

void Report(const Arguments& arguments, const std::vector<Line>& lines, const Model& model,
            const Table& table) {
  std::printf("%zu lines, %zu of %zu rows taken\n\n", lines.size(), model.rows(), kRows);
  std::printf("%-26s accuracy macro-F1    AUC  hostile", "");
  for (int i = 0; i < kCategories; ++i) std::printf(" %5.5s", kLabelNames[i]);
  std::printf("\n");
  const std::vector<Line> dev = DevLines(arguments.data);
  Print("dev, shipped bytes", Judge(Ask(table, dev)));
  Print("dev, floating point", Judge(Ask(model, dev)));
  Options plain = kShippedOptions;
  plain.telling = 0;
  Print("dev, plain linear SVM", Judge(Ask(Model::Learn(lines, plain), dev)));
  for (const std::string name : {"chat", "languages"}) {
    const auto own = ReadTable(arguments.ours + "/testdata/" + name + ".tsv");
    Print(("our test lines, " + name).c_str(), Judge(Ask(table, own)));
  }
}

void Write(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  if (!out.flush()) throw std::runtime_error(path + ": cannot be written");
}

int Run(const Arguments& arguments) {
  const std::vector<Line> lines = TrainingLines(arguments.data, arguments.ours);
  const Model model = Model::Learn(lines, kShippedOptions);
  const std::vector<unsigned char> bytes = model.Pack();
  const std::string_view packed(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Table table = *Table::Of(bytes);
  const std::string path = arguments.ours + "/weights.bin";
  if (arguments.check) {
    const bool same = ReadFile(path) == packed;
    std::printf("%s is %s\n", path.c_str(), same ? "what this makes" : "NOT what this makes");
    return same ? 0 : 1;
  }
  Write(path, packed);
  Write(arguments.ours + "/testdata/expected.tsv", Expectations(table, arguments.ours));
  Report(arguments, lines, model, table);
  return 0;
}

}  // namespace
}  // namespace stream::sentiment::training

int main(int argc, char** argv) {
  namespace training = stream::sentiment::training;
  try {
    return training::Run(training::Parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_sentiment: %s\n", error.what());
    return 2;
  }
}
