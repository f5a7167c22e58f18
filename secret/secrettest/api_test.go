package secrettest_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"atriptoken/secret/secrettest"
)

func TestTheSDKReadsTheSecretHoweverItIsNamed(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{Name: "agency/atlas", Value: "the value"})
	const arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:agency/atlas-AbCdEf"
	if server.ARN != arn {
		t.Errorf("ARN %s, want %s", server.ARN, arn)
	}
	for name, id := range map[string]string{"ARN": arn, "name": "agency/atlas", "partial ARN": strings.TrimSuffix(arn, "-AbCdEf")} {
		t.Run("by "+name, func(t *testing.T) {
			t.Parallel()
			got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
			if err != nil {
				t.Fatal(err)
			}
			if *got.SecretString != "the value" || *got.ARN != arn || *got.Name != "agency/atlas" || !slices.Equal(got.VersionStages, []string{"AWSCURRENT"}) {
				t.Errorf("got %q of %s (%s), %v", *got.SecretString, *got.ARN, *got.Name, got.VersionStages)
			}
		})
	}
	for name, id := range map[string]string{"another name": "agency/atlas2", "the name with the ARN's suffix": "agency/atlas-AbCdEf", "another ARN": arn + "x"} {
		t.Run("not by "+name, func(t *testing.T) {
			t.Parallel()
			_, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
			if code(err) != "ResourceNotFoundException" {
				t.Errorf("error %v, want ResourceNotFoundException", err)
			}
		})
	}
}

func TestTheDefaultValueIsWhatTheAtlasSimulatorAccepts(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	got, err := get(t, server, client)
	if err != nil || *got.SecretString != `{"clientId":"example-client","clientSecret":"example-secret"}` {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func TestPutMovesTheLabels(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{Value: "one"})
	first, err := get(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	second := server.Put("two")
	put, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &server.ARN, SecretString: aws.String("three")})
	if err != nil {
		t.Fatal(err)
	}
	pending := server.PutStaged("four", "AWSPENDING")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(second) {
		t.Errorf("version id %q is not a UUID", second)
	}
	for name, test := range map[string]struct{ id, stage, want, wantID, stages string }{
		"no choice":       {want: "three", wantID: *put.VersionId, stages: "AWSCURRENT"},
		"AWSCURRENT":      {stage: "AWSCURRENT", want: "three", wantID: *put.VersionId, stages: "AWSCURRENT"},
		"AWSPREVIOUS":     {stage: "AWSPREVIOUS", want: "two", wantID: second, stages: "AWSPREVIOUS"},
		"AWSPENDING":      {stage: "AWSPENDING", want: "four", wantID: pending, stages: "AWSPENDING"},
		"id":              {id: second, want: "two", wantID: second, stages: "AWSPREVIOUS"},
		"id and label":    {id: second, stage: "AWSPREVIOUS", want: "two", wantID: second, stages: "AWSPREVIOUS"},
		"id out of label": {id: *first.VersionId, want: "one", wantID: *first.VersionId},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := client.GetSecretValue(t.Context(), input(server, test.id, test.stage))
			if err != nil {
				t.Fatal(err)
			}
			if *got.SecretString != test.want || *got.VersionId != test.wantID || strings.Join(got.VersionStages, ",") != test.stages {
				t.Errorf("got %q, %s, %v; want %q, %s, %s", *got.SecretString, *got.VersionId, got.VersionStages, test.want, test.wantID, test.stages)
			}
		})
	}
	for name, test := range map[string]struct{ id, stage, code, text string }{
		"an unknown label":     {stage: "AWSOTHER", code: "ResourceNotFoundException", text: "staging label: AWSOTHER"},
		"an unknown id":        {id: "00000000-0000-4000-8000-000000000000", code: "ResourceNotFoundException", text: "VersionId: 00000000"},
		"id and another label": {id: second, stage: "AWSCURRENT", code: "InvalidRequestException", text: "VersionStage that is not associated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client.GetSecretValue(t.Context(), input(server, test.id, test.stage))
			if code(err) != test.code || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %s with %q", err, test.code, test.text)
			}
		})
	}
}

func input(server *secrettest.Server, id, stage string) *secretsmanager.GetSecretValueInput {
	in := &secretsmanager.GetSecretValueInput{SecretId: &server.ARN}
	if id != "" {
		in.VersionId = &id
	}
	if stage != "" {
		in.VersionStage = &stage
	}
	return in
}

func TestPuttingUnderTheSameTokenIsIdempotent(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	put := func(token, value string) (*secretsmanager.PutSecretValueOutput, error) {
		return client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: &server.ARN, SecretString: &value, ClientRequestToken: &token,
		})
	}
	const token = "12345678-0000-4000-8000-000000000000"
	for range 2 {
		if got, err := put(token, "same"); err != nil || *got.VersionId != token {
			t.Fatalf("got %+v, error %v", got, err)
		}
	}
	if _, err := put(token, "different"); code(err) != "ResourceExistsException" {
		t.Errorf("error %v, want ResourceExistsException", err)
	}
	if got, err := get(t, server, client); err != nil || *got.SecretString != "same" {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func TestASecretMayHoldBytes(t *testing.T) {
	t.Parallel()
	server, client := start(t, nil)
	id := server.PutBinary([]byte("\x00one"))
	got, err := get(t, server, client)
	if err != nil || got.SecretString != nil || string(got.SecretBinary) != "\x00one" || *got.VersionId != id {
		t.Errorf("got %+v, error %v", got, err)
	}
	if _, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &server.ARN, SecretBinary: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, server, client); err != nil || string(got.SecretBinary) != "two" {
		t.Errorf("got %+v, error %v", got, err)
	}
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &server.ARN})
	if code(err) != "InvalidRequestException" {
		t.Errorf("putting nothing: error %v, want InvalidRequestException", err)
	}
}

func TestASecretWithoutAValueTakesItsFirst(t *testing.T) {
	t.Parallel()
	server, client := start(t, &secrettest.Options{NoValue: true, Value: "unused"})
	_, err := get(t, server, client)
	if code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "staging label: AWSCURRENT") {
		t.Errorf("error %v, want ResourceNotFoundException for AWSCURRENT", err)
	}
	server.PutStaged("first", "AWSPENDING")
	got, err := get(t, server, client)
	if err != nil || *got.SecretString != "first" || !slices.Equal(got.VersionStages, []string{"AWSPENDING", "AWSCURRENT"}) {
		t.Errorf("got %+v, error %v; want the first version with both labels", got, err)
	}
}

func TestDescribeSecretListsLabelledVersions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	server, client := start(t, &secrettest.Options{Now: func() time.Time { return now }})
	one, two := server.Put("one"), server.Put("two")
	got, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &server.ARN})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{one: {"AWSPREVIOUS"}, two: {"AWSCURRENT"}}
	if diff := cmp.Diff(want, got.VersionIdsToStages); diff != "" || *got.Name != secrettest.DefaultName || !got.CreatedDate.Equal(now) || !got.LastChangedDate.Equal(now) {
		t.Errorf("%s of %v, %v; versions (-want +got):\n%s", *got.Name, got.CreatedDate, got.LastChangedDate, diff)
	}
}

func TestCallsThatAreNoneOfTheAPI(t *testing.T) {
	t.Parallel()
	server, _ := start(t, nil)
	for name, test := range map[string]struct {
		edit func(*http.Request)
		body string
		code string
	}{
		"no signature":      {edit: func(r *http.Request) { r.Header.Del("Authorization") }, code: "MissingAuthenticationTokenException"},
		"another signature": {edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, code: "MissingAuthenticationTokenException"},
		"no date":           {edit: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, code: "MissingAuthenticationTokenException"},
		"another service":   {edit: func(r *http.Request) { r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter") }, code: "UnknownOperationException"},
		"another operation": {edit: func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.ListSecrets") }, code: "UnknownOperationException"},
		"another type":      {edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, code: "UnknownOperationException"},
		"another path":      {edit: func(r *http.Request) { r.URL.Path = "/x" }, code: "UnknownOperationException"},
		"another method":    {edit: func(r *http.Request) { r.Method = "PUT" }, code: "UnknownOperationException"},
		"no JSON":           {body: "{", code: "SerializationException"},
		"no SecretId":       {body: "{}", code: "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.body == "" {
				test.body = `{"SecretId":"` + server.ARN + `"}`
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
			r.Header.Set("X-Amz-Date", "20260102T030405Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=x")
			if test.edit != nil {
				test.edit(r)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != 400 || answer.Header.Get("X-Amzn-ErrorType") != test.code || !strings.HasPrefix(string(body), `{"__type":"`+test.code+`","Message":"`) {
				t.Errorf("HTTP %d, %s, error %v; want 400 and %s", answer.StatusCode, body, err, test.code)
			}
		})
	}
}
