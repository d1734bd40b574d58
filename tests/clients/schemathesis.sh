#!/usr/bin/env bash
# Schemathesis: requests that the description allows and requests that it doesn't, the same ones each time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PYTHONPATH=$here SCHEMATHESIS_HOOKS=schemathesis_hooks "$LAKEBED_TEST_CLIENTS/rest/bin/schemathesis" run \
    "$LAKEBED_TEST_ENDPOINT/openapi.json" --url "$LAKEBED_TEST_ENDPOINT/api/v1" --auth "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    --checks no_failure_of_the_server --phases coverage,fuzzing --max-examples 20 \
    --seed 42 --generation-deterministic --no-shrink --continue-on-failure --workers 1 --request-timeout 60 \
    --suppress-health-check all --generation-with-security-parameters false

# Most operations do what they are asked at least once, or the run is about nothing.
succeeded=$(grep --count --extended-regexp ' 20[0-9]:' answers.txt)
echo "$succeeded operations succeeded"
[ "$succeeded" -ge 65 ]
