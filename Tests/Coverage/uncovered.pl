# Lists the lines of an lcov file that were never run, each with its reason; fails if one has none, or a reason no line
# (unless it begins with "sometimes: ").
# usage: uncovered.pl LCOV REASONS
use strict;
use warnings;

my ($lcov, $reasons) = @ARGV;
my (%hits, @reasons, $file);

open my $in, '<', $lcov or die "$lcov: $!\n";
while (<$in>) {
    if (/^SF:(.*)/) { ($file = $1) =~ s{^.*?/(?=Sources/)}{}; }
    # A line of several functions, or of a generic one that was made several times, counts once.
    if (/^DA:(\d+),(\d+)/) { $hits{$file}{$1} = ($hits{$file}{$1} // 0) + $2; }
}
close $in;

open $in, '<', $reasons or die "$reasons: $!\n";
while (<$in>) {
    next if /^#|^\s*$/;
    chomp;
    my ($name, $part, $why) = split /\s*\|\s*/, $_, 3;
    die "reasons.txt:$.: FILE | PART OF THE LINE | WHY\n" unless $why;
    push @reasons, { file => $name, part => $part, why => $why, used => 0 };
}
close $in;

my ($total, $missed, $open) = (0, 0, 0);
for my $file (sort keys %hits) {
    open my $source, '<', $file or die "$file: $!\n";
    my @lines = <$source>;
    close $source;
    for my $number (sort { $a <=> $b } keys %{ $hits{$file} }) {
        $total++;
        next if $hits{$file}{$number} > 0;
        my $text = $lines[$number - 1] // '';
        $text =~ s/^\s+|\s+$//g;
        # What ends a block says nothing of its own, and neither does what stops a program that is wrong.
        next if $text =~ /^[\]\)\}]*(?: else \{)?$|precondition|^\/\/|^#/;
        $missed++;
        my ($reason) = grep { $file =~ /\/\Q$_->{file}\E\.swift$/ && index($text, $_->{part}) >= 0 } @reasons;
        if ($reason) { $reason->{used}++; next; }
        $open++;
        print "$file:$number: $text\n";
    }
}
for my $reason (grep { !$_->{used} && $_->{why} !~ /^sometimes: / } @reasons) {
    $open++;
    print "reasons.txt: no line of $reason->{file} that nobody runs holds '$reason->{part}'\n";
}
printf "coverage: %d lines, %d never run, %d of them without a reason\n", $total, $missed, $open;
exit($open > 0 ? 1 : 0);
