#!/usr/bin/perl
# archive_zip.pl FILE...: what Perl's Archive::Zip reads; output as python_zipfile.py describes.
use strict;
use warnings;
use Archive::Zip qw(:ERROR_CODES);
use Digest::SHA qw(sha256_hex);
use JSON::PP;

my $said = '';
Archive::Zip::setErrorHandler(sub { $said .= join(' ', @_) });
my $json = JSON::PP->new->canonical->utf8;
for my $file (@ARGV) {
    my $zip = Archive::Zip->new();
    $said = '';
    my @entries;
    if ($zip->read($file) == AZ_OK) {
        for my $member ($zip->members()) {
            my ($content, $status) = $member->contents();
            $said .= 'cannot read ' . $member->fileName() unless $status == AZ_OK;
            my $name = $member->fileName();
            utf8::decode($name) unless utf8::is_utf8($name);
            push @entries, [$name, sha256_hex($content // '')];
        }
    }
    print $json->encode($said ? {file => $file, error => $said} : {file => $file, entries => \@entries}), "\n";
}
