#!/usr/bin/env bash
# Sends a file of ticks with curl alone: announces it, sends what the server does not have, shows the preview, commits it.
# Stopped at any moment, the same command goes on where it was.
# examples/upload.sh prices.csv [http://localhost:4000/graphql]
set -euo pipefail
file=${1:?'usage: examples/upload.sh FILE [URL]'}
graphql=${2:-http://localhost:4000/graphql}

body() { printf '{"query":"%s"}' "$(printf '%s' "$1" | sed 's/["\\]/\\&/g')"; }
ask() { body "$1" | curl -sS "$graphql" -H 'content-type: application/json' -d @- && echo; }
part() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

size=$(($(wc -c < "$file")))
sha256=$( (sha256sum 2> /dev/null || shasum -a 256) < "$file" | cut -c 1-64)
name=$(basename "$file" | tr -d '"\\')
begun=$(ask 'mutation { createUpload(input: { filename: "'"$name"'", size: '"$size"', sha256: "'"$sha256"'",
  import: { createMissing: true, previewOnly: true } }) { url offset import { id status } } }' | tr -d '\n')
echo "$begun"
id=$(part id <<< "$begun")
status=$(part status <<< "$begun")

if [ "$status" = UPLOADING ]; then
  upload=${graphql%/graphql}$(part url <<< "$begun")
  tus=(-H 'tus-resumable: 1.0.0')
  offset=$(curl -sS --fail -I "${tus[@]}" "$upload" | tr -d '\r' | awk 'tolower($1) == "upload-offset:" { print $2 }')
  tail -c +$((offset + 1)) "$file" | curl -sS --fail-with-body -X PATCH -T - "${tus[@]}" "$upload" \
    -H "upload-offset: $offset" -H 'content-type: application/offset+octet-stream'
fi

# Each change is an event. Behind PREVIEWED a commit may follow, as it does here, unless there is a problem with the file.
body 'subscription { importProgress(id: "'"$id"'") { status rows new changed unchanged rejectedCount problem toRevision } }' |
  curl -sN "$graphql" -H 'accept: text/event-stream' -H 'content-type: application/json' -d @- |
  while IFS= read -r line; do
    [[ $line == 'data: {'* ]] || continue
    echo "${line#data: }"
    case $(part status <<< "$line") in
      PREVIEWED) [[ $line == *'"problem":null'* ]] && ask 'mutation { commitImport(id: "'"$id"'") { status } }' || exit 1 ;;
      DONE) exit ;;
      FAILED | CANCELLED | UNDONE | '') exit 1 ;;
    esac
  done
