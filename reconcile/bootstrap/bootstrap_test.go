package bootstrap

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	secretsManager = infrav1.SecretBackendSecretsManager
	parameterStore = infrav1.SecretBackendSSMParameterStore
)

func TestNamesFollowFromTheUID(t *testing.T) {
	for backend, form := range map[infrav1.SecretBackend]string{
		secretsManager: `^aws\.cluster\.x-k8s\.io/[0-9a-f-]{36}-3$`,
		parameterStore: `^/cluster\.x-k8s\.io/[0-9a-f-]{36}/3$`,
	} {
		name := SecretName(backend, Prefix(backend, "uid-1"), 3)
		if !regexp.MustCompile(form).MatchString(name) {
			t.Errorf("the name is %q, want the form %s", name, form)
		}
		if again := SecretName(backend, Prefix(backend, "uid-1"), 3); again != name {
			t.Errorf("the name is %q, then %q", name, again)
		}
		if other := SecretName(backend, Prefix(backend, "uid-2"), 3); other == name {
			t.Errorf("two objects share the name %q", name)
		}
	}
}

// TestPartsMakeUpTheData puts parts together as the instance does.
func TestPartsMakeUpTheData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 30000).Draw(t, "data")
		compressed := Compress(data)
		if !bytes.Equal(compressed, Compress(data)) {
			t.Fatal("the same data compressed twice differs")
		}
		for backend, most := range map[infrav1.SecretBackend]int{secretsManager: secretPart, parameterStore: parameterPart} {
			var all []byte
			parts, err := Parts(backend, compressed)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range parts {
				if len(part) > most {
					t.Fatalf("a part of %s has %d bytes", backend, len(part))
				}
				all = append(all, part...)
			}
			if backend == parameterStore {
				all, _ = base64.StdEncoding.DecodeString(string(all))
			}
			r, err := gzip.NewReader(bytes.NewReader(all))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, data) {
				t.Fatalf("the parts of %s don't make up the data (%v)", backend, err)
			}
		}
	})
}

func TestSecretsAreAtMostAsManyAsMayBeRecorded(t *testing.T) {
	for _, backend := range []infrav1.SecretBackend{secretsManager, parameterStore} {
		if _, err := Parts(backend, make([]byte, 1<<20)); err == nil || !strings.Contains(err.Error(), "22") {
			t.Errorf("%s takes 1 MiB: %v", backend, err)
		}
	}
	for count, want := range map[int32]int{-1: 0, 3: 3, 5_000_000: infrav1.MaxSecretCount, 2147483647: infrav1.MaxSecretCount} {
		if got := Recorded(count); got != want {
			t.Errorf("of %d that are recorded %d count, want %d", count, got, want)
		}
	}
}

// TestUserDataIsAMessageWithAScriptThatParses has bash judge the script.
func TestUserDataIsAMessageWithAScriptThatParses(t *testing.T) {
	for _, backend := range []infrav1.SecretBackend{secretsManager, parameterStore} {
		f := Fetch{Backend: backend, Prefix: Prefix(backend, "uid"), Parts: 3, Region: "eu-west-1"}
		if err := Fits(f.UserData()); err != nil {
			t.Error(err)
		}
		message, err := mail.ReadMessage(bytes.NewReader(f.UserData()))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(message.Body, params["boundary"])
		hook, err := parts.NextPart()
		if err != nil || !strings.HasPrefix(hook.Header.Get("Content-Type"), "text/cloud-boothook") {
			t.Fatalf("the first part is %v (%v)", hook, err)
		}
		script, err := io.ReadAll(hook)
		if err != nil || strings.Contains(string(script), "@") {
			t.Errorf("the script holds what was to be replaced (%v):\n%s", err, script)
		}
		check := exec.Command("bash", "-n")
		check.Stdin = bytes.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("bash: %v: %s", err, out)
		}
		include, err := parts.NextPart()
		if err != nil || !strings.HasPrefix(include.Header.Get("Content-Type"), "text/x-include-url") {
			t.Fatalf("the second part is %v (%v)", include, err)
		}
	}
}

func TestIgnitionPointsToTheObjectInItsOwnVersion(t *testing.T) {
	for _, x := range []struct {
		spec infrav1.Ignition
		want string
	}{
		{infrav1.Ignition{Version: infrav1.IgnitionVersion23}, `{"ignition":{"version":"2.3.0","config":{"append":[{"source":"s3://b/k"}]}}}`},
		{infrav1.Ignition{Version: infrav1.IgnitionVersion34, Proxy: &infrav1.IgnitionProxy{NoProxy: []string{"*"}},
			TLS: &infrav1.IgnitionTLS{CASources: []string{"data:,x"}}},
			`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"s3://b/k"}]},"proxy":{"noProxy":["*"]},"security":{"tls":{"certificateAuthorities":[{"source":"data:,x"}]}}}}`},
	} {
		got, err := PointTo("s3://b/k", &x.spec)
		if err != nil || string(got) != x.want || !json.Valid(got) {
			t.Errorf("%s (%v), want %s", got, err, x.want)
		}
	}
}

func TestDataTooLongForUserDataIsRefusedWithAWayOut(t *testing.T) {
	_, err := Plain(Data{Value: make([]byte, maxUserData+1), Format: Ignition}, true)
	if err == nil || !strings.Contains(err.Error(), "Secrets Manager") {
		t.Errorf("the error is %v", err)
	}
}

// The maximum of cloudInit.secretCount is written where the API is.
func TestSixtyFourKiBNeedNoMoreSecretsThanTheAPITakes(t *testing.T) {
	data := make([]byte, 64<<10)
	for backend, want := range map[infrav1.SecretBackend]int{infrav1.SecretBackendSecretsManager: 10, infrav1.SecretBackendSSMParameterStore: 22} {
		if parts, err := Parts(backend, data); err != nil || len(parts) != want {
			t.Errorf("%s: %d parts, want %d (%v)", backend, len(parts), want, err)
		}
	}
}
