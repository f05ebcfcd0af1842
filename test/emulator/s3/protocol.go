package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

var _ core.Protocol = rest{}

// rest is S3's REST protocol with paths /bucket/key; the operation follows from method, path and query.
type rest struct{}

// request is what every operation takes of its HTTP request.
type request struct {
	bucket, key string
	query       url.Values
	header      http.Header
	body        []byte
}

func (r *request) set(given request) { *r = given }

// response is what every operation answers.
type response struct {
	status int
	header http.Header
	kind   string
	body   []byte
}

// subresources are settings of a bucket that are kept as they are given: query parameter → the part of operations' names.
var subresources = map[string]string{
	"policy": "BucketPolicy", "tagging": "BucketTagging", "lifecycle": "BucketLifecycleConfiguration", "encryption": "BucketEncryption",
	"publicAccessBlock": "PublicAccessBlock", "ownershipControls": "BucketOwnershipControls", "versioning": "BucketVersioning",
}

func split(call *core.Call) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(call.HTTP.URL.Path, "/"), "/")
	return bucket, key
}

// Operation names the operation as the S3 API reference does.
func (rest) Operation(call *core.Call) (string, *core.Error) {
	bucket, key := split(call)
	query, method := call.HTTP.URL.Query(), call.HTTP.Method
	verb := map[string]string{http.MethodPut: "Put", http.MethodGet: "Get", http.MethodDelete: "Delete", http.MethodHead: "Head"}[method]
	switch {
	case bucket == "" && method == http.MethodGet:
		return "ListBuckets", nil
	case key != "" && verb != "" && query.Has("tagging"):
		return verb + "ObjectTagging", nil
	case key != "" && verb != "":
		return verb + "Object", nil
	case method == http.MethodPost && query.Has("delete"):
		return "DeleteObjects", nil
	case query.Has("location"):
		return "GetBucketLocation", nil
	}
	for parameter, name := range subresources {
		if query.Has(parameter) && verb != "" {
			return verb + name, nil
		}
	}
	switch method {
	case http.MethodPut:
		return "CreateBucket", nil
	case http.MethodHead:
		return "HeadBucket", nil
	case http.MethodDelete:
		return "DeleteBucket", nil
	case http.MethodGet:
		return "ListObjectsV2", nil
	}
	return "", &core.Error{Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.", Status: http.StatusMethodNotAllowed}
}

// Decode hands the parts of the HTTP request over.
func (rest) Decode(call *core.Call, _ string, in any) error {
	given := request{query: call.HTTP.URL.Query(), header: call.HTTP.Header, body: call.Body}
	given.bucket, given.key = split(call)
	if strings.Contains(call.HTTP.Header.Get("Content-Encoding"), "aws-chunked") {
		body, err := unchunk(call.Body)
		if err != nil {
			return core.Refuse("IncompleteBody", "The chunks of the body are broken: %v", err)
		}
		given.body = body
	}
	in.(interface{ set(request) }).set(given)
	return nil
}

// unchunk takes the data out of an aws-chunked body: size in hexadecimal, extensions, data, and trailers at the end.
func unchunk(body []byte) ([]byte, error) {
	var out []byte
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		size, _, _ := strings.Cut(string(line), ";")
		length, err := strconv.ParseInt(size, 16, 32)
		if err != nil || int(length) > len(rest) {
			return nil, fmt.Errorf("chunk size %q", size)
		}
		if length == 0 {
			return out, nil
		}
		out = append(out, rest[:length]...)
		body = bytes.TrimPrefix(rest[length:], []byte("\r\n"))
	}
}

// Encode writes the response as it is.
func (rest) Encode(_ string, out any, requestID string) (core.Answer, error) {
	given := out.(*response)
	answer := core.Answer{Status: given.status, ContentType: given.kind, Body: given.body, Header: given.header}
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	if answer.ContentType == "" {
		answer.ContentType = "application/xml"
	}
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	answer.Header.Set("X-Amz-Request-Id", requestID)
	return answer, nil
}

// Refuse writes <Error>.
func (rest) Refuse(err *core.Error, requestID string) core.Answer {
	body, _ := xml.Marshal(struct { // plain text always marshals
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}{Code: err.Code, Message: err.Message, RequestID: requestID})
	header := http.Header{"X-Amz-Request-Id": {requestID}}
	maps.Copy(header, err.Header)
	return core.Answer{Status: err.HTTPStatus(), ContentType: "application/xml", Body: append([]byte(xml.Header), body...), Header: header}
}

// Parameters are bucket, key and query parameters but those of the signature.
func (rest) Parameters(call *core.Call) map[string]string {
	out := map[string]string{}
	if bucket, key := split(call); bucket != "" {
		out["Bucket"] = bucket
		if key != "" {
			out["Key"] = key
		}
	}
	for name, values := range call.HTTP.URL.Query() {
		if !strings.HasPrefix(name, "X-Amz-") {
			out[name] = strings.Join(values, ",")
		}
	}
	return out
}

// Standard gives S3's codes.
func (rest) Standard(kind core.Standard) *core.Error {
	switch kind {
	case core.Throttled:
		return &core.Error{Code: "SlowDown", Message: "Please reduce your request rate.", Status: http.StatusServiceUnavailable}
	case core.ExpiredCredentials:
		return &core.Error{Code: "ExpiredToken", Message: "The provided token has expired.", Status: http.StatusBadRequest}
	case core.InvalidCredentials:
		return &core.Error{Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records.", Status: http.StatusForbidden}
	case core.AccessDenied:
		return &core.Error{Code: "AccessDenied", Status: http.StatusForbidden}
	default:
		return &core.Error{Code: "ServiceUnavailable", Message: "Service is unable to handle request.", Status: http.StatusServiceUnavailable}
	}
}
