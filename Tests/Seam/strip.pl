#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# strip.pl FILE…: takes the seam out of sources, in place. What `#if Model` keeps for models goes, Synchronization is
# imported where AtomicSupport would have brought it (the second line of each file is empty), and cells become plain
# pointers. Lines keep their numbers.
use strict;
use warnings;

local $^I = '';
my $branch = '';
while (<>) {
    if ($. == 2 && /^$/) {
        $_ = "public import Synchronization\n";
    } elsif (/^\s*#if Model$/) {
        $branch = 'models';
        $_ = "\n";
    } elsif (/^\s*#if !Model$/ || $branch eq 'models' && /^\s*#else$/) {
        $branch = 'shipped';
        $_ = "\n";
    } elsif ($branch && /^\s*#endif$/) {
        $branch = '';
        $_ = "\n";
    } elsif ($branch eq 'models') {
        $_ = "\n";
    }
    s/\bSharedCell\b/UnsafeMutablePointer/g;
    s/\.load\(\)/.pointee/g;
    # A value may hold calls, whose parentheses pair up; an atomic's store has an ordering.
    s/\.store(\(((?:[^()]|(?1))*)\))/index($2, 'ordering:') < 0 ? ".pointee = $2" : $&/ge;
    print;
} continue {
    close ARGV if eof;
}
