#include "libs/common/rpc/key_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "libs/common/testing/servers.h"
#include "libs/common/testing/token_signer.h"

namespace common::rpc {
namespace {

namespace fs = std::filesystem;
using testing::TokenSigner;

class KeyFileTest : public ::testing::Test {
 protected:
  static std::string SetText(const TokenSigner& signer) {
    return nlohmann::json{{"keys", nlohmann::json::array({signer.Jwk()})}}.dump();
  }
  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  // As `mv` puts a new file into place.
  void Replace(const std::string& text) {
    Write(directory_.path() / "new", text);
    fs::rename(directory_.path() / "new", path_);
  }
  // "same", "refused", or which of the two signers the file names.
  std::string Look() {
    const auto read = file_.ReadIfChanged();
    if (!read) return "same";
    if (!read->ok()) return "refused";
    const auto verifies = [&](const TokenSigner& signer) {
      return (*read)->Verifies(TokenAlgorithm::kEs256, std::nullopt, "x", signer.Sign("x"));
    };
    return verifies(old_) ? "old" : verifies(new_) ? "new" : "other";
  }

  const TokenSigner old_ = TokenSigner::P256();
  const TokenSigner new_ = TokenSigner::P256();
  testing::TempDir directory_;
  const fs::path path_ = directory_.path() / "keys.json";
  KeyFile file_{path_};
};

TEST_F(KeyFileTest, TellsEachVersionOnce) {
  Replace(SetText(old_));
  EXPECT_EQ(Look(), "old");
  EXPECT_EQ(Look(), "same");
  Replace(SetText(new_));
  EXPECT_EQ(Look(), "new");
  EXPECT_EQ(Look(), "same");
  Replace("garbage");
  EXPECT_EQ(Look(), "refused");
  EXPECT_EQ(Look(), "same");
  Replace(SetText(old_));
  EXPECT_EQ(Look(), "old");
  EXPECT_EQ(Look(), "same");
}

TEST_F(KeyFileTest, SeesAFileThatIsWrittenInPlace) {
  Write(path_, SetText(old_));
  EXPECT_EQ(Look(), "old");
  // The same size, and a second later at least.
  Write(path_, SetText(new_));
  fs::last_write_time(path_, fs::last_write_time(path_) + std::chrono::seconds(1));
  EXPECT_EQ(Look(), "new");
}

// A mounted ConfigMap or Secret: the file is a link through the link `..data`, which is exchanged.
TEST_F(KeyFileTest, FollowsLinks) {
  const fs::path root = directory_.path();
  for (const char* version : {"v1", "v2"}) fs::create_directory(root / version);
  Write(root / "v1/keys.json", SetText(old_));
  Write(root / "v2/keys.json", SetText(new_));
  fs::create_directory_symlink("v1", root / "..data");
  fs::create_symlink("..data/keys.json", path_);
  EXPECT_EQ(Look(), "old");
  fs::create_directory_symlink("v2", root / "..data_tmp");
  fs::rename(root / "..data_tmp", root / "..data");
  EXPECT_EQ(Look(), "new");
  EXPECT_EQ(Look(), "same");
}

TEST_F(KeyFileTest, RefusesWhatIsNoFile) {
  EXPECT_EQ(Look(), "refused");
  EXPECT_EQ(Look(), "same");
  fs::create_directory(path_);
  EXPECT_EQ(Look(), "same") << "still no file";
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(Look(), "same") << "and no wait for a writer";
  fs::remove(path_);
  Replace(SetText(old_));
  EXPECT_EQ(Look(), "old");
  fs::remove(path_);
  EXPECT_EQ(Look(), "refused");
}

TEST_F(KeyFileTest, ReadsABoundedFile) {
  Replace(SetText(old_) + std::string(JwkSet::kBytesMax, ' '));
  EXPECT_EQ(Look(), "refused");
}

}  // namespace
}  // namespace common::rpc
