#include "services/stream/linking/rtmp_url.h"

#include <gtest/gtest.h>

namespace stream::linking {
namespace {

TEST(RtmpUrlTest, HasASchemeAHostAndAPath) {
  for (const char* good :
       {"rtmp://live.example.com/app/key", "rtmps://live.example.com:443/app/key?auth=x",
        "rtmp://user:pass@10.0.0.1/key", "rtmp://[2001:db8::1]:1935/live/key"}) {
    EXPECT_TRUE(IsRtmpUrl(good)) << good;
  }
  for (const char* bad :
       {"", "live.example.com/app/key", "http://live.example.com/app/key", "rtmp://", "rtmp:///key",
        "rtmp://live.example.com", "rtmp://live.example.com/", "rtmp://:1935/key",
        "rtmp://live.example.com/app/k y", "rtmp://live.example.com/app/k\ny",
        "rtmp://live.exämple.com/app/key", "rtmp://live$example/app/key"}) {
    EXPECT_FALSE(IsRtmpUrl(bad)) << bad;
  }
}

TEST(RtmpUrlTest, ShowsNothingThatLetsSomebodyBroadcast) {
  EXPECT_EQ(MaskRtmpUrl("rtmp://live.example.com/app/key"), "rtmp://live.example.com/app/****");
  EXPECT_EQ(MaskRtmpUrl("rtmps://live.example.com:443/a/b/key?auth=x#y"),
            "rtmps://live.example.com:443/a/****");
  EXPECT_EQ(MaskRtmpUrl("rtmp://user:pass@live.example.com/key"), "rtmp://live.example.com/****");
  EXPECT_EQ(MaskRtmpUrl("rtmp://live.example.com?key"), "rtmp://live.example.com/****");
  EXPECT_EQ(MaskRtmpUrl("rtmp://live.example.com/app/key/"), "rtmp://live.example.com/app/****");
  EXPECT_EQ(MaskRtmpUrl("rtmp://live.example.com/key/"), "rtmp://live.example.com/****");
}

}  // namespace
}  // namespace stream::linking
