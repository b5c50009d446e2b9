#!/usr/bin/env bash
# Makes an authority, and a certificate of it with a key of its own for each of the three names. For trying things out.
# usage: docker/tls-sni/certificates.sh FOLDER [NAME ...]
#   FOLDER/ca.pem and FOLDER/{shop,api,site}/{chain,key}.pem; with a NAME only that one anew, by the authority that is there.
#   Run by root, the keys are for root (nginx's) and for Weir's user in its image (site's). Who is not root cannot give them
#   away: then everybody may read them, and Weir warns.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(shop api site)

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
mkdir -p "$folder"
if [ ! -e "$folder/ca.key" ]; then
  openssl req -x509 "${new_key[@]}" -subj "/CN=authority for trying out" -days 30 -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
fi
for name in "${names[@]}"; do
  mkdir -p "$folder/$name"
  openssl req -new "${new_key[@]}" -subj "/CN=$name.example" -keyout "$folder/$name/key.new" -out "$folder/$name/request" 2>/dev/null
  openssl x509 -req -in "$folder/$name/request" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 30 \
    -extfile <(echo "subjectAltName=DNS:$name.example") -out "$folder/$name/chain.new" 2>/dev/null
  rm "$folder/$name/request"
  chmod 644 "$folder/$name/chain.new"
  if [ "$(id -u)" -eq 0 ]; then
    chmod 400 "$folder/$name/key.new"
    if [ "$name" = site ]; then chown 65532 "$folder/$name/key.new"; fi
  else
    chmod 644 "$folder/$name/key.new"
  fi
  mv "$folder/$name/key.new" "$folder/$name/key.pem"
  mv "$folder/$name/chain.new" "$folder/$name/chain.pem"
done
chmod 755 "$folder" "$folder"/*/
