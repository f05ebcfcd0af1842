package core

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/cbor"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

var _ Protocol = (*CBOR)(nil)

// CBOR is Smithy's RPC v2 protocol: the operation in the path, CBOR in and out (Resource Groups Tagging API).
type CBOR struct{ JSON }

// Operation is the last part of /service/NAME/operation/NAME.
func (*CBOR) Operation(call *Call) (string, *Error) {
	_, operation, ok := strings.Cut(call.HTTP.URL.Path, "/operation/")
	if !ok {
		return "", Refuse("UnknownOperationException", "The request's path names no operation.")
	}
	return operation, nil
}

// Decode fills the input from the members of the body.
func (*CBOR) Decode(call *Call, _ string, in any) error {
	if len(call.Body) == 0 {
		return nil
	}
	members, err := cbor.Decode(call.Body)
	if err == nil {
		err = fill(plainly(members), reflect.ValueOf(in).Elem())
	}
	if err != nil {
		return Refuse("SerializationException", "%v", err)
	}
	return nil
}

// plainly is a CBOR value as decoded JSON has it.
func plainly(of cbor.Value) any {
	switch v := of.(type) {
	case cbor.Map:
		out := map[string]any{}
		for key, value := range v {
			out[key] = plainly(value)
		}
		return out
	case cbor.List:
		out := make([]any, 0, len(v))
		for _, value := range v {
			out = append(out, plainly(value))
		}
		return out
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case cbor.Uint:
		return json.Number(fmt.Sprint(uint64(v)))
	}
	return nil
}

var cborWriter = rpcv2.NewCBOR(&smithy.ServiceSchema{Schema: smithy.NewSchema(smithy.ShapeID{Name: "Emulator"}, smithy.ShapeTypeService, 0)})

// Encode writes the output by its schema.
func (*CBOR) Encode(operation string, out any, _ string) (Answer, error) {
	serializable, ok := out.(smithy.Serializable)
	if !ok {
		return Answer{}, fmt.Errorf("the output of %s carries no schema", operation)
	}
	schema := smithy.NewSchema(smithy.ShapeID{Name: operation}, smithy.ShapeTypeOperation, 0)
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if err := cborWriter.SerializeRequest(context.Background(), &smithy.OperationSchema{Schema: schema, Input: schema}, serializable, request); err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(request.GetStream())
	return cborAnswer(http.StatusOK, body), err
}

func cborAnswer(status int, body []byte) Answer {
	return Answer{Status: status, ContentType: "application/cbor", Body: body, Header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}}
}

// Refuse writes the error's name and message.
func (*CBOR) Refuse(err *Error, _ string) Answer {
	return cborAnswer(err.HTTPStatus(), cbor.Encode(cbor.Map{"__type": cbor.String(err.Code), "message": cbor.String(err.Message)}))
}

// Parameters are the top-level members that are text.
func (*CBOR) Parameters(call *Call) map[string]string {
	members, err := cbor.Decode(call.Body)
	of, ok := members.(cbor.Map)
	if err != nil || !ok {
		return nil
	}
	out := map[string]string{}
	for name, value := range of {
		out[name] = fmt.Sprint(plainly(value))
	}
	return out
}
