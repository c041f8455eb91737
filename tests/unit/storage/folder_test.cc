// SPDX-License-Identifier: Apache-2.0
#include "core/storage/folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "core/base/bytes.h"
#include "tests/unit/base/forwarding_files.h"
#include "tests/unit/storage/shard_fixture.h"

namespace vasto::storage {
namespace {

class FolderTest : public ShardTest {
 protected:
  FolderTest() {
    Open();
    EXPECT_TRUE(Apply(shard_.get(), Put("k", "v")).status.ok());
  }
  std::string Path(const std::string& name) const { return options_.dir + "/" + name; }
  std::string ReadFile(const std::string& name) {
    auto bytes = PosixFileSystem()->Read(Path(name));
    EXPECT_TRUE(bytes.ok());
    return *bytes;
  }
  void WriteFile(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(PosixFileSystem()->WriteAtomically(Path(name), bytes).ok());
  }
  void Close() { shard_.reset(); }
  void ExpectRefused(Code code, const std::string& words) {
    const Status status = TryOpen();
    EXPECT_TRUE(status.Is(code)) << status.ToString();
    EXPECT_NE(status.message().find(words), std::string::npos) << status.ToString();
    shard_.reset();
  }
};

TEST(ShardFolder, IncarnationComesFromTheGivenRandomness) {
  TempFolder folder;
  const std::unique_ptr<Random> random = SeededRandom(7);
  auto opened = ShardFolder::Open(PosixFileSystem(), random.get(), folder.path(), {1, 2}, 3);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ((*opened)->identity().incarnation, SeededRandom(7)->Next());
}

// The machine's files, but everything about CURRENT of a database is an I/O error.
class NoCurrent final : public ForwardingFiles {
 public:
  StatusOr<std::string> Read(const std::string& path) override {
    if (path.ends_with("/CURRENT")) return Status::IoError("no luck");
    return ForwardingFiles::Read(path);
  }
};

TEST_F(FolderTest, TheShardLooksAtItsFilesThroughTheGivenFileSystem) {
  Close();
  NoCurrent files;
  options_.files = &files;
  ExpectRefused(Code::kIoError, "no luck");
  options_.files = PosixFileSystem();
  EXPECT_TRUE(TryOpen().ok());
}

TEST(ShardIdentity, GoldenBytes) {
  const ShardIdentity identity{{0x0102030405060708, 0x1112131415161718}, 3, 0x2122232425262728};
  const std::string bytes = EncodeIdentity(identity);
  EXPECT_EQ(ToHex(bytes.substr(0, 37)),
            "564153544f534844010807060504030201181716151413121103000000282726252423222"
            "1");
  EXPECT_EQ(bytes.size(), 45u);
  auto decoded = DecodeIdentity(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, identity);
}

TEST(ShardIdentity, EveryBitFlipAndTruncationIsDetected) {
  const std::string bytes = EncodeIdentity({{1, 2}, 3, 4});
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeIdentity(bad).ok()) << bit;
  }
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(DecodeIdentity(bytes.substr(0, n)).ok());
}

TEST_F(FolderTest, AnotherShardIsRefused) {
  Close();
  options_.shard = 4;
  ExpectRefused(Code::kInvalidArgument, "shard 3");
  options_.shard = 3;
  options_.keyspace = {9, 9};
  ExpectRefused(Code::kInvalidArgument, Uuid{1, 2}.ToString());
  options_.keyspace = {1, 2};
  Open();
  EXPECT_EQ(Get(*shard_, "k"), "v");
}

TEST_F(FolderTest, AnOpenFolderIsRefused) {
  auto second = Shard::Open(engine_, options_);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(second.status().Is(Code::kBusy)) << second.status().ToString();
  EXPECT_EQ(Get(*shard_, "k"), "v");
}

TEST_F(FolderTest, ANewerFormatIsRefused) {
  Close();
  for (const char* name : {"FORMAT", "IDENTITY"}) {
    const std::string bytes = ReadFile(name);
    std::string newer = bytes;
    newer[8] = 2;
    WriteFile(name, newer);
    ExpectRefused(Code::kNotSupported, "format 2");
    WriteFile(name, bytes);
  }
  Open();
  EXPECT_EQ(Get(*shard_, "k"), "v");
}

TEST_F(FolderTest, DamageIsRefused) {
  Close();
  for (const char* name : {"FORMAT", "IDENTITY"}) {
    const std::string bytes = ReadFile(name);
    std::string damaged = bytes;
    damaged.back() ^= 1;
    WriteFile(name, damaged);
    ExpectRefused(Code::kCorruption, "damaged");
    WriteFile(name, "");
    ExpectRefused(Code::kCorruption, "damaged");
    WriteFile(name, bytes);
  }
  std::filesystem::remove(Path("IDENTITY"));
  ExpectRefused(Code::kCorruption, "IDENTITY is missing");
}

TEST_F(FolderTest, ALostDatabaseIsNotTakenForANewOne) {
  Close();
  std::filesystem::rename(Path("db"), folder_.path() + "/saved");
  ExpectRefused(Code::kCorruption, "missing");
  std::filesystem::create_directory(Path("db"));
  ExpectRefused(Code::kCorruption, "missing");
  std::filesystem::remove_all(Path("db"));
  std::filesystem::rename(folder_.path() + "/saved", Path("db"));
  Open();
  EXPECT_EQ(Get(*shard_, "k"), "v");
}

TEST_F(FolderTest, ADatabaseOfAnotherFolderIsRefused) {
  Close();
  const std::string first = options_.dir;
  options_.dir = folder_.path() + "/other";
  options_.shard = 8;
  Open();
  Close();
  std::filesystem::remove_all(first + "/db");
  std::filesystem::rename(Path("db"), first + "/db");
  options_.dir = first;
  options_.shard = 3;
  ExpectRefused(Code::kInvalidArgument, "shard 8");
}

TEST_F(FolderTest, AForeignFolderIsRefusedAndUntouched) {
  Close();
  options_.dir = folder_.path() + "/home";
  std::filesystem::create_directory(options_.dir);
  WriteFile("thesis.txt", "important");
  ExpectRefused(Code::kInvalidArgument, "thesis.txt");
  EXPECT_EQ(ReadFile("thesis.txt"), "important");
  EXPECT_FALSE(std::filesystem::exists(Path("IDENTITY")));
}

TEST_F(FolderTest, AMakingCutShortIsCompleted) {
  Close();
  // Crash after the database was made, before FORMAT.
  const uint64_t incarnation = DecodeIdentity(ReadFile("IDENTITY"))->incarnation;
  std::filesystem::remove(Path("FORMAT"));
  Open();
  EXPECT_EQ(Get(*shard_, "k"), "v");
  EXPECT_EQ(shard_->incarnation(), incarnation);
  EXPECT_TRUE(std::filesystem::exists(Path("FORMAT")));
  Close();
  // Crash after IDENTITY.
  std::filesystem::remove(Path("FORMAT"));
  std::filesystem::remove_all(Path("db"));
  Open();
  EXPECT_EQ(Get(*shard_, "k"), "NOT_FOUND");
  Close();
  // Crash while IDENTITY was written.
  std::filesystem::remove_all(options_.dir);
  std::filesystem::create_directory(options_.dir);
  WriteFile("x", "VASTOSHD");
  std::filesystem::rename(Path("x"), Path("IDENTITY.tmp"));
  Open();
  EXPECT_NE(shard_->incarnation(), incarnation);
}

}  // namespace
}  // namespace vasto::storage
