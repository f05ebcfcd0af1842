package eks

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// vectors is where the SDK's module keeps what its clients send and read, for every operation.
func vectors(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/eks").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// wire is a transport that keeps the request and gives a fixed answer.
type wire struct {
	request *http.Request
	body    []byte
	answer  *http.Response
}

func (w *wire) Do(request *http.Request) (*http.Response, error) {
	w.request = request
	if request.Body != nil {
		w.body, _ = io.ReadAll(request.Body)
	}
	return w.answer, nil
}

// send has the SDK send an input of any operation, and returns its output.
func send(t *testing.T, w *wire, operation string, in any) any {
	t.Helper()
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: w, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	out := reflect.ValueOf(client).MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(context.Background()), reflect.ValueOf(in)})
	if err, failed := out[1].Interface().(error); failed {
		t.Fatal(err)
	}
	return out[0].Interface()
}

func inputOf(operation string) any {
	method, _ := reflect.TypeFor[*sdk.Client]().MethodByName(operation)
	return reflect.New(method.Type.In(2).Elem()).Interface()
}

// requestOf reads what a client sends: a line with method and path, headers and a body, with empty lines between them.
func requestOf(t *testing.T, dir, operation string) *core.Call {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "request_snapshot", operation+".request.snap"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(text), "\n\n", 3)
	method, path, _ := strings.Cut(parts[0], " ")
	at, err := url.Parse("http://127.0.0.1" + strings.TrimSpace(path))
	if err != nil {
		t.Fatal(err)
	}
	return &core.Call{HTTP: &http.Request{Method: method, URL: at, Header: http.Header{}}, Body: []byte(strings.TrimSpace(parts[len(parts)-1]))}
}

func object(t *testing.T, text []byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	if len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return out
}

// TestRequestsAreReadAsTheSDKWritesThem reads what the SDK's module says its clients send, and has a client send it again.
func TestRequestsAreReadAsTheSDKWritesThem(t *testing.T) {
	dir, service := vectors(t), Service()
	for _, operation := range service.Operations {
		t.Run(operation.Name, func(t *testing.T) {
			call := requestOf(t, dir, operation.Name)
			if got, refused := service.Protocol.Operation(call); refused != nil || got != operation.Name {
				t.Fatalf("taken for %q, %v", got, refused)
			}
			in := inputOf(operation.Name)
			if err := service.Protocol.Decode(call, operation.Name, in); err != nil {
				t.Fatal(err)
			}
			w := &wire{answer: &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}}
			send(t, w, operation.Name, in)
			if diff := gocmp.Diff(object(t, call.Body), object(t, w.body)); diff != "" {
				t.Errorf("the body was read otherwise:\n%s", diff)
			}
			sent, given := w.request, call.HTTP
			if sent.Method != given.Method || sent.URL.EscapedPath() != given.URL.EscapedPath() || !reflect.DeepEqual(sent.URL.Query(), given.URL.Query()) {
				t.Errorf("%s %s was read as %s %s", given.Method, given.URL.RequestURI(), sent.Method, sent.URL.RequestURI())
			}
		})
	}
}

// TestAnswersAreWrittenAsTheSDKReadsThem has a client read what the SDK's module says that EKS answers, and writes it again.
func TestAnswersAreWrittenAsTheSDKReadsThem(t *testing.T) {
	dir, service := vectors(t), Service()
	for _, operation := range service.Operations {
		t.Run(operation.Name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, "response_snapshot", operation.Name+".response.snap"))
			if err != nil {
				t.Fatal(err)
			}
			head, body, _ := strings.Cut(string(text), "\n\n")
			code, headers, _ := strings.Cut(head, "\n")
			status, err := strconv.Atoi(code)
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			if kind, ok := strings.CutPrefix(headers, "Content-Type: "); ok {
				header.Set("Content-Type", kind)
			}
			in := inputOf(operation.Name)
			if err := service.Protocol.Decode(requestOf(t, dir, operation.Name), operation.Name, in); err != nil {
				t.Fatal(err)
			}
			w := &wire{answer: &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}}
			out := send(t, w, operation.Name, in)
			answer, err := service.Protocol.Encode(operation.Name, out, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(object(t, []byte(body)), object(t, answer.Body)); diff != "" {
				t.Errorf("it is written otherwise:\n%s", diff)
			}
		})
	}
}
