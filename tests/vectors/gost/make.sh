#!/bin/sh
# Makes signatures with OpenSSL's gost engine (Debian package libengine-gost-openssl): make.sh > engine.txt
set -e
work=$(mktemp -d)
echo '# parameter set, message, public key x || y (little-endian), signature (s || r, big-endian), in hexadecimal digits'
for set in gost2001-A:md_gost94 gost2012_256-TCA:md_gost12_256 gost2012_256-A:md_gost12_256 gost2012_512-A:md_gost12_512; do
  name=${set%%:*}
  for message in "" "poshta" "Қазақстан Республикасы" "$(seq 1 100)"; do
    # The engine's hash of nothing is not that of GOST 34.311-95.
    case $name$message in gost2001-A) continue;; esac
    printf %s "$message" > "$work/message"
    openssl genpkey -engine gost -algorithm "${name%-*}" -pkeyopt "paramset:${name#*-}" -out "$work/key" 2>/dev/null
    openssl dgst -engine gost "-${set#*:}" -sign "$work/key" -out "$work/signature" "$work/message" 2>/dev/null
    bytes=64; case $name in gost2012_512*) bytes=128;; esac
    key=$(openssl pkey -engine gost -in "$work/key" -pubout -outform DER 2>/dev/null | tail -c $bytes | xxd -p | tr -d '\n')
    echo "$name $(xxd -p "$work/message" | tr -d '\n') $key $(xxd -p "$work/signature" | tr -d '\n')"
  done
done
rm -r "$work"
