#!/usr/bin/env bash
# Follows a series with curl alone, over server-sent events; after a lost connection it goes on behind the last cursor.
# examples/sse.sh BTC-USD [http://localhost:4000/graphql]
key=${1:?'usage: examples/sse.sh KEY [URL]'}
url=${2:-http://localhost:4000/graphql}
query='subscription ($key: String!, $after: Revision) {
  changes(series: [$key], after: $after) { kind cursor changes { span { from to } points { t value } truncated } }
}'
cursor=null

while true; do
  while IFS= read -r line; do
    [[ $line == 'data: {'* ]] || continue
    echo "${line#data: }"
    [[ $line =~ '"cursor":'([0-9]+) ]] && cursor=${BASH_REMATCH[1]} || exit 1 # not an event: what is wrong
  done < <(
    curl --silent --no-buffer --get "$url" --header 'accept: text/event-stream' \
      --data-urlencode "query=$query" --data-urlencode "variables={\"key\":\"$key\",\"after\":$cursor}"
  )
  sleep 1
done
