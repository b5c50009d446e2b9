#include "base/roff.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

TEST(Roff, EverySignIsTheOneThatIsTyped) {
  EXPECT_EQ(roff(R"(--a 'b' "c" \d ^ ~)"), R"(\-\-a \(aqb\(aq \(dqc\(dq \ed \(ha \(ti)");
}

TEST(Roff, WhatStandsBetweenBackticksIsBold) {
  EXPECT_EQ(roff("say `a-b` or `c`."), R"(say \fBa\-b\fP or \fBc\fP.)");
}

TEST(Roff, ABacktickWithoutAnotherIsItself) { EXPECT_EQ(roff("`a` and `b"), R"(\fBa\fP and \(gab)"); }

TEST(Roff, ALineThatBeginsWithADotIsNoCommand) {
  EXPECT_EQ(roff(".so /etc/passwd"), "\\&.so /etc/passwd");
  EXPECT_EQ(roff_example(".TH\nx"), ".RS 4\n.nf\n\\&.TH\nx\n.fi\n.RE\n");
}

TEST(Roff, AParagraphIsOneLineWhereverItWasBroken) {
  EXPECT_EQ(roff_paragraph("one\n  two  three\n"), "one two three\n");
}

TEST(Roff, AnExampleKeepsItsLinesAndItsBackticks) {
  EXPECT_EQ(roff_example("a  `b`\n\nc"), ".RS 4\n.nf\na  \\(gab\\(ga\n\nc\n.fi\n.RE\n");
}

}  // namespace
}  // namespace weir::base
