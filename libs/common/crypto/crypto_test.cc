#include <gtest/gtest.h>

#include "libs/common/crypto/digest.h"
#include "libs/common/crypto/encoding.h"
#include "libs/common/crypto/key_ring.h"

namespace common::crypto {
namespace {

using config::Secret;

TEST(Digest, Sha256IsTheOneOfFips180) {
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, HmacSha256AnswersTheVectorsOfRfc4231) {
  EXPECT_EQ(HexEncode(HmacSha256(Secret(std::string(20, '\x0b')), {"Hi There"})),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HexEncode(HmacSha256(Secret("Jefe"), {"what do ya want for nothing?"})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha256(Secret(std::string(131, '\xaa')),
                                 {"Test Using Larger Than Block-Size Key - Hash Key First"})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, HmacSha1AnswersTheVectorOfRfc2202) {
  EXPECT_EQ(HexEncode(HmacSha1(Secret("Jefe"), {"what do ya want for nothing?"})),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Digest, PartsAreAuthenticatedAsIfJoined) {
  EXPECT_EQ(HmacSha256(Secret("key"), {"a", "", "bc", "def"}),
            HmacSha256(Secret("key"), {"abcdef"}));
  EXPECT_EQ(HmacSha256(Secret(), {}), HmacSha256(Secret(""), {""}));
}

TEST(Digest, ComparesWholeValues) {
  EXPECT_TRUE(ConstantTimeEquals("", ""));
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "ab"));
}

TEST(Digest, RandomBytesDiffer) {
  EXPECT_EQ(RandomBytes(0), "");
  EXPECT_EQ(RandomBytes(32).size(), 32u);
  EXPECT_NE(RandomBytes(32), RandomBytes(32));
}

TEST(Digest, PkceChallengeIsTheOneOfRfc7636AppendixB) {
  EXPECT_EQ(PkceS256Challenge(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(Encoding, Base64AnswersTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(Base64Encode(plain), encoded);
    EXPECT_EQ(Base64Decode(encoded), plain);
  }
  EXPECT_EQ(Base64UrlEncode("\xfb\xff"), "-_8");
  EXPECT_EQ(Base64UrlDecode("-_8"), "\xfb\xff");
}

TEST(Encoding, EveryByteSurvives) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (size_t size = 0; size <= all.size(); ++size) {
    const std::string bytes = all.substr(all.size() - size);
    EXPECT_EQ(HexDecode(HexEncode(bytes)), bytes);
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)), bytes);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(bytes)), bytes);
  }
}

TEST(Encoding, DecodersRefuseEverySecondSpelling) {
  for (const char* bad : {"Zg", "Zg=", "Zh==", "Zm9", "Zm9v=", "Zm9v====", "====", "=", "Zg==\n",
                          "-_8=", "Z===", "Zm=v", "Zm9vZg==Zg=="}) {
    EXPECT_EQ(Base64Decode(bad), std::nullopt) << bad;
  }
  for (const char* bad : {"Z", "Zh", "Zg==", "+/8", "Zm9vZ", "Zm 9"}) {
    EXPECT_EQ(Base64UrlDecode(bad), std::nullopt) << bad;
  }
  for (const char* bad : {"0", "0g", "0x", " 00", "\xff\xff"}) {
    EXPECT_EQ(HexDecode(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(HexDecode("0AfF"), HexDecode("0aff"));
}

Secret Key(char fill) { return Secret(std::string(KeyRing::kKeyBytes, fill)); }

TEST(KeyRing, OpensTheGcmSpecificationsTestCase16) {
  const auto bytes = [](const char* hex) { return *HexDecode(hex); };
  const Secret key(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const auto ring = *KeyRing::Create(key, {});
  const std::string sealed = Sha256(key.Reveal()).substr(0, 1) + bytes("cafebabefacedbaddecaf888") +
                             bytes(
                                 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                                 "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                                 "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto opened = ring.Open(sealed, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->Reveal(),
            bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"));
}

TEST(KeyRing, OpensWhatItSealedAndNothingElse) {
  const auto ring = *KeyRing::Create(Key('a'), {});
  for (const std::string& text : {std::string(), std::string("token"), std::string(4096, 'x')}) {
    const std::string sealed = ring.Seal(Secret(text), "link/access");
    EXPECT_EQ(ring.Open(sealed, "link/access")->Reveal(), text);
    EXPECT_NE(sealed, ring.Seal(Secret(text), "link/access"));
    EXPECT_FALSE(ring.Open(sealed, "link/refresh").ok());
    for (const size_t at : {size_t{0}, size_t{1}, sealed.size() / 2, sealed.size() - 1}) {
      std::string bent = sealed;
      bent[at] = static_cast<char>(bent[at] ^ 1);
      EXPECT_FALSE(ring.Open(bent, "link/access").ok()) << at;
    }
    EXPECT_FALSE(ring.Open(sealed.substr(0, sealed.size() - 1), "link/access").ok());
  }
  EXPECT_FALSE(ring.Open("", "link/access").ok());
}

TEST(KeyRing, RotatesWithoutLosingWhatTheOlderKeySealed) {
  const auto before = *KeyRing::Create(Key('a'), {});
  const auto after = *KeyRing::Create(Key('b'), {Key('a')});
  const std::string sealed = before.Seal(Secret("token"), "x");
  EXPECT_FALSE(before.NeedsReseal(sealed));
  EXPECT_TRUE(after.NeedsReseal(sealed));
  EXPECT_EQ(after.Open(sealed, "x")->Reveal(), "token");
  const std::string resealed = after.Seal(*after.Open(sealed, "x"), "x");
  EXPECT_FALSE(after.NeedsReseal(resealed));
  EXPECT_FALSE(before.Open(resealed, "x").ok());
}

TEST(KeyRing, RefusesKeysItCannotKeepApart) {
  EXPECT_FALSE(KeyRing::Create(Secret("short"), {}).ok());
  EXPECT_FALSE(KeyRing::Create(Key('a'), {Key('a')}).ok());
  EXPECT_FALSE(KeyRing::Create(Secret(), {}).ok());
}

}  // namespace
}  // namespace common::crypto
