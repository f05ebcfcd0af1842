package core

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

var _ Protocol = (*JSON)(nil)

// JSON is the AWS JSON protocol: the operation in X-Amz-Target, JSON in and out (Secrets Manager, Systems Manager, SQS, EventBridge).
type JSON struct {
	// QueryCodes are the codes of errors that this service had when it spoke the query protocol, by their present names. Services that
	// changed their protocol still send them; clients prefer them.
	QueryCodes map[string]string
}

// Operation is the part of X-Amz-Target behind the dot.
func (j *JSON) Operation(call *Call) (string, *Error) {
	_, operation, ok := strings.Cut(call.HTTP.Header.Get("X-Amz-Target"), ".")
	if !ok {
		return "", Refuse("UnknownOperationException", "The request has no X-Amz-Target header.")
	}
	return operation, nil
}

// Decode fills the input from the members of the body, whose names are those of the fields but for the case of the first letter.
func (j *JSON) Decode(call *Call, _ string, in any) error {
	var members any
	if len(call.Body) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(call.Body)))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return Refuse("SerializationException", "The body is not JSON: %v", err)
	}
	if err := fill(members, reflect.ValueOf(in).Elem()); err != nil {
		return Refuse("SerializationException", "%v", err)
	}
	return nil
}

// fill sets a Go value of the SDK's from decoded JSON.
func fill(from any, into reflect.Value) error {
	if from == nil {
		return nil
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch value := from.(type) {
	case map[string]any:
		return fillMembers(value, into)
	case []any:
		if into.Kind() != reflect.Slice {
			return fmt.Errorf("a list is given where %s is wanted", into.Type())
		}
		into.Set(reflect.MakeSlice(into.Type(), len(value), len(value)))
		for i, item := range value {
			if err := fill(item, into.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return fillScalar(from, into)
}

func fillMembers(members map[string]any, into reflect.Value) error {
	if into.Kind() == reflect.Map {
		into.Set(reflect.MakeMap(into.Type()))
		for name, member := range members {
			element := reflect.New(into.Type().Elem()).Elem()
			if err := fill(member, element); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(name).Convert(into.Type().Key()), element)
		}
		return nil
	}
	if into.Kind() != reflect.Struct {
		return fmt.Errorf("an object is given where %s is wanted", into.Type())
	}
	for name, member := range members {
		field := fieldNamed(into, name)
		if !field.IsValid() {
			continue // AWS ignores members that it doesn't know
		}
		if err := fill(member, field); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fieldNamed is the field of a member, or the zero Value: the names differ in the case of the first letter.
func fieldNamed(of reflect.Value, member string) reflect.Value {
	return of.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, member) })
}

func fillScalar(from any, into reflect.Value) error {
	number, isNumber := from.(json.Number)
	text, isText := from.(string)
	switch {
	case into.Type() == reflect.TypeFor[time.Time]() && isNumber:
		seconds, err := number.Float64()
		into.Set(reflect.ValueOf(time.UnixMilli(int64(seconds * 1000)).UTC()))
		return err
	case into.Kind() == reflect.String && isText:
		into.SetString(text)
	case into.Kind() == reflect.Bool:
		value, ok := from.(bool)
		if !ok {
			return fmt.Errorf("%v is neither true nor false", from)
		}
		into.SetBool(value)
	case into.CanInt() && isNumber:
		value, err := number.Int64()
		into.SetInt(value)
		return err
	case into.CanFloat() && isNumber:
		value, err := number.Float64()
		into.SetFloat(value)
		return err
	case into.Kind() == reflect.Slice && isText:
		value, err := base64.StdEncoding.DecodeString(text)
		into.SetBytes(value)
		return err
	default:
		return fmt.Errorf("%v is given where %s is wanted", from, into.Type())
	}
	return nil
}

// writer is the SDK's own JSON codec. It writes outputs as well as inputs, because both carry their schema.
var writer = awsjson.New11(&smithy.ServiceSchema{Schema: smithy.NewSchema(smithy.ShapeID{Name: "Emulator"}, smithy.ShapeTypeService, 0)})

// Encode writes the output by its schema.
func (j *JSON) Encode(operation string, out any, _ string) (Answer, error) {
	serializable, ok := out.(smithy.Serializable)
	if !ok {
		return Answer{}, fmt.Errorf("the output of %s carries no schema", operation)
	}
	schema := smithy.NewSchema(smithy.ShapeID{Name: operation}, smithy.ShapeTypeOperation, 0)
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if err := writer.SerializeRequest(context.Background(), &smithy.OperationSchema{Schema: schema, Input: schema}, serializable, request); err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(request.GetStream())
	return Answer{Status: http.StatusOK, ContentType: "application/x-amz-json-1.1", Body: body}, err
}

// Refuse writes the error's name and message.
func (j *JSON) Refuse(err *Error, _ string) Answer {
	body, _ := json.Marshal(map[string]string{"__type": err.Code, "message": err.Message}) // strings always marshal
	answer := Answer{Status: err.HTTPStatus(), ContentType: "application/x-amz-json-1.1", Body: body, Header: http.Header{}}
	if code, ok := j.QueryCodes[err.Code]; ok {
		answer.Header.Set("X-Amzn-Query-Error", code+";Sender")
	}
	return answer
}

// Parameters are the top-level members; those that aren't text are shown as JSON.
func (j *JSON) Parameters(call *Call) map[string]string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(call.Body, &members); err != nil {
		return nil
	}
	out := map[string]string{}
	for name, member := range members {
		var text string
		if json.Unmarshal(member, &text) != nil {
			text = string(member)
		}
		out[name] = text
	}
	return out
}

// Standard gives the error codes common to JSON services.
func (j *JSON) Standard(kind Standard) *Error {
	switch kind {
	case Throttled:
		return &Error{Code: "ThrottlingException", Message: "Rate exceeded", Status: http.StatusBadRequest}
	case ExpiredCredentials:
		return &Error{Code: "ExpiredTokenException", Message: "The security token included in the request is expired", Status: http.StatusBadRequest}
	case InvalidCredentials:
		return &Error{Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid.", Status: http.StatusBadRequest}
	case AccessDenied:
		return &Error{Code: "AccessDeniedException", Status: http.StatusBadRequest}
	default:
		return &Error{Code: "ServiceUnavailableException", Message: "Service is unavailable. Please try again shortly.", Status: http.StatusServiceUnavailable}
	}
}
