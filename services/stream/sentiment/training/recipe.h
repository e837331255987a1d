// Which lines make the shipped table, and what the program that makes it and the tests share.
#pragma once
#include <string>
#include <vector>

#include "services/stream/sentiment/training/corpus.h"
#include "services/stream/sentiment/training/judge.h"
#include "services/stream/sentiment/training/model.h"

namespace stream::sentiment::training {

// Ours are services/stream/sentiment/; data is the folder of research data.
std::vector<Line> TrainingLines(const std::string& data, const std::string& ours);
std::vector<Line> DevLines(const std::string& data);

inline constexpr Options kShippedOptions{};

std::vector<Answer> Ask(const Table& table, const std::vector<Line>& lines);
std::vector<Answer> Ask(const Model& model, const std::vector<Line>& lines);

// For each of our test lines category and intensity, as TestSentimentProcessing tells them: what a
// build without the data is compared with.
std::string Expectations(const Table& table, const std::string& ours);

std::string ReadFile(const std::string& path);

}  // namespace stream::sentiment::training
