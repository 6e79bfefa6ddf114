#!/bin/sh
# preProvision: before an application is provisioned; a notice, the reply is {"response":{}}.
#
#   TOKEN=$(hookreeve token) scripts/curl/preProvision.sh
#
# HOST is the server, http://127.0.0.1:8080 unless it is set.
# TOKEN is a token signed with the shared secret.
set -eu
: "${TOKEN:?TOKEN is not set: try  TOKEN=\$(hookreeve token) $0}"
: "${HOST:=http://127.0.0.1:8080}"

curl -sS --fail-with-body --max-time 10 -w '\n' "$HOST/webhook/preProvision" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"request":{"policyMap":"email","form":"","applicationId":"620231fee789224ec1cec3dd","roleList":[],"action":"Application Create","user":{"assignedGroups":[],"provisionedApps":{},"securityQuestion":{},"country":"India","firstName":"Shreyash2","lastName":"Pande2","login":"shreyash2","userType":"Employee"}}}'
