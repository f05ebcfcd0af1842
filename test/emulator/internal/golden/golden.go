// Package golden holds an emulated service's protocol to what the SDK's own module says that its clients send and read, operation by operation.
package golden

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// Service is an emulated service and the SDK's client for it.
type Service struct {
	*core.Service
	// Client makes an SDK client, a pointer, of a configuration.
	Client func(aws.Config) any
}

// dir is where the SDK's module keeps its vectors.
func (s Service) dir(t *testing.T) string {
	t.Helper()
	module := reflect.TypeOf(s.Client(aws.Config{})).Elem().PkgPath()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
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

// send has the SDK send an input of any operation, and returns its output, nil if it doesn't understand the answer.
func (s Service) send(t *testing.T, w *wire, operation string, in any, understood bool) any {
	t.Helper()
	client := s.Client(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1"), HTTPClient: w, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	out := reflect.ValueOf(client).MethodByName(operation).Call([]reflect.Value{reflect.ValueOf(context.Background()), reflect.ValueOf(in)})
	if err, failed := out[1].Interface().(error); failed && understood {
		t.Fatal(err)
	}
	return out[0].Interface()
}

func (s Service) input(operation string) any {
	method, _ := reflect.TypeOf(s.Client(aws.Config{})).MethodByName(operation)
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
	call := &core.Call{HTTP: &http.Request{Method: method, URL: at, Header: http.Header{}}, Body: []byte(strings.TrimSpace(parts[len(parts)-1]))}
	if strings.Contains(string(text), "x-www-form-urlencoded") {
		if call.Form, err = url.ParseQuery(string(call.Body)); err != nil {
			t.Fatal(err)
		}
	}
	return call
}

// members reads a body, a JSON object or a form.
func members(t *testing.T, form bool, text []byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	if form {
		values, err := url.ParseQuery(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range values {
			out[name] = value
		}
	} else if len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return out
}

// Requests reads what the module says that its clients send, and has a client send it again.
func (s Service) Requests(t *testing.T) {
	dir := s.dir(t)
	for _, operation := range s.Operations {
		t.Run(operation.Name, func(t *testing.T) {
			call := requestOf(t, dir, operation.Name)
			if got, refused := s.Protocol.Operation(call); refused != nil || got != operation.Name {
				t.Fatalf("taken for %q, %v", got, refused)
			}
			in := s.input(operation.Name)
			if err := s.Protocol.Decode(call, operation.Name, in); err != nil {
				t.Fatal(err)
			}
			w := &wire{answer: &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}}
			s.send(t, w, operation.Name, in, call.Form == nil)
			if diff := difference(members(t, call.Form != nil, call.Body), members(t, call.Form != nil, w.body)); diff != "" {
				t.Errorf("the body was read otherwise:\n%s", diff)
			}
			sent, given := w.request, call.HTTP
			if sent.Method != given.Method || sent.URL.EscapedPath() != given.URL.EscapedPath() || !reflect.DeepEqual(sent.URL.Query(), given.URL.Query()) {
				t.Errorf("%s %s was read as %s %s", given.Method, given.URL.RequestURI(), sent.Method, sent.URL.RequestURI())
			}
		})
	}
}

// Answers has a client read what the module says that the service answers, and writes it again.
func (s Service) Answers(t *testing.T) {
	dir := s.dir(t)
	for _, operation := range s.Operations {
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
			in := s.input(operation.Name)
			if err := s.Protocol.Decode(requestOf(t, dir, operation.Name), operation.Name, in); err != nil {
				t.Fatal(err)
			}
			w := &wire{answer: &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}}
			out := s.send(t, w, operation.Name, in, true)
			answer, err := s.Protocol.Encode(operation.Name, out, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference(members(t, false, []byte(body)), members(t, false, answer.Body)); diff != "" {
				t.Errorf("it is written otherwise:\n%s", diff)
			}
		})
	}
}

// Returns writes an output of every operation with all its members set, and has a client read it: for services whose module has no answers.
func (s Service) Returns(t *testing.T) {
	dir := s.dir(t)
	for _, operation := range s.Operations {
		t.Run(operation.Name, func(t *testing.T) {
			in := s.input(operation.Name)
			if err := s.Protocol.Decode(requestOf(t, dir, operation.Name), operation.Name, in); err != nil {
				t.Fatal(err)
			}
			method, _ := reflect.TypeOf(s.Client(aws.Config{})).MethodByName(operation.Name)
			want := reflect.New(method.Type.Out(0).Elem())
			n := 0
			set(want.Elem(), &n, 0)
			answer, err := s.Protocol.Encode(operation.Name, want.Interface(), "id")
			if err != nil {
				t.Fatal(err)
			}
			w := &wire{answer: &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(answer.Body))}}
			got := reflect.ValueOf(s.send(t, w, operation.Name, in, true))
			if diff := difference(plain(want), plain(got)); diff != "" {
				t.Errorf("it is read otherwise:\n%s", diff)
			}
		})
	}
}

// difference shows two values, if they differ.
func difference(want, got map[string]any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("want %v\ngot  %v", want, got)
}

// plain is an output as JSON, without what isn't AWS's.
func plain(of reflect.Value) map[string]any {
	text, _ := json.Marshal(of.Interface()) // the SDK's outputs are plain data
	out := map[string]any{}
	_ = json.Unmarshal(text, &out)
	delete(out, "ResultMetadata")
	return out
}

// set gives every member a value of its own.
func set(into reflect.Value, n *int, depth int) {
	*n++
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		set(into.Elem(), n, depth)
	case reflect.Struct:
		if into.Type().String() == "time.Time" {
			into.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
			return
		}
		for i := range into.NumField() {
			if field := into.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" && depth < 6 {
				set(into.Field(i), n, depth+1)
			}
		}
	case reflect.Slice:
		into.Set(reflect.MakeSlice(into.Type(), 2, 2))
		for i := range 2 {
			set(into.Index(i), n, depth+1)
		}
	case reflect.String:
		into.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		into.SetBool(true)
	case reflect.Int32, reflect.Int64:
		into.SetInt(int64(*n))
	}
}
