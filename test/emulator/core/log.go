package core

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Entry is one request as the log keeps it.
type Entry struct {
	// Seq counts requests from 1 in the order of their arrival; the log is in the order of their ends.
	Seq     int       `json:"seq"`
	Time    time.Time `json:"time"`
	Account string    `json:"account"`
	// AccessKey is whose signature the request has.
	AccessKey string            `json:"accessKey,omitempty"`
	Region    string            `json:"region"`
	Service   string            `json:"service"`
	Operation string            `json:"operation"`
	Params    map[string]string `json:"params,omitempty"`
	// Page is the page of a list that was asked for, from 1.
	Page int `json:"page"`
	// Outcome is "ok", "error", "dropped" (no effect, no answer) or "dropped-after-effect".
	Outcome string `json:"outcome"`
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Fault is the ID of the fault that acted on the request.
	Fault string `json:"fault,omitempty"`
	// Resources are ids that the request named, made or changed.
	Resources []string `json:"resources,omitempty"`
}

// Key is the operation as counts name it: "ec2.CreateVpc".
func (e Entry) Key() string { return e.Service + "." + e.Operation }

const longestParameter = 256

func shorten(params map[string]string) map[string]string {
	for name, value := range params {
		if len(value) > longestParameter {
			params[name] = value[:longestParameter] + "..."
		}
	}
	return params
}

// Changes are the requests since the last ClearLog that named, made or changed any of the ids and weren't mere reads, refused ones included;
// without ids all that weren't reads.
func (e *Emulator) Changes(ids ...string) []Entry {
	out := []Entry{}
	for _, entry := range e.Log() {
		names := len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(entry.Resources, id) })
		if names && entry.Operation != "" && !isRead(entry.Operation) {
			out = append(out, entry)
		}
	}
	return out
}

var (
	// identifier is the shape of EC2's ids and of ARNs.
	identifier = regexp.MustCompile(`^([a-z]+-)+[0-9a-f]{8,17}$|^arn:`)
	// nameFields end what names a resource by other than its shape.
	nameFields = regexp.MustCompile(`(Id|Ids|ID|Arn|Arns|ARN|ARNs|Name|Names|Resources)$`)
)

// idsIn collects what an input names: all that has the shape of an id, at any depth, and the fields of its own that are called ...Id, ...Arn,
// ...Name and so on. Tags and user data name nothing.
func idsIn(in any) []string {
	var out []string
	value := reflect.ValueOf(in).Elem()
	for i := range value.NumField() {
		if !value.Type().Field(i).IsExported() || !nameFields.MatchString(value.Type().Field(i).Name) {
			continue
		}
		switch field := value.Field(i).Interface().(type) {
		case *string:
			if field != nil {
				out = append(out, *field)
			}
		case []string:
			out = append(out, field...)
		}
	}
	return append(out, shapedIn(value)...)
}

func shapedIn(v reflect.Value) []string {
	var out []string
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return shapedIn(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "Tags" && name != "TagSpecifications" && name != "UserData" {
				out = append(out, shapedIn(v.Field(i))...)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil
		}
		for i := range v.Len() {
			out = append(out, shapedIn(v.Index(i))...)
		}
	case reflect.String:
		for _, word := range strings.FieldsFunc(v.String(), func(c rune) bool { return c == ',' || c == ' ' }) {
			if identifier.MatchString(word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// unique sorts a copy of the ids and drops repeated and empty ones.
func unique(ids []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(ids)))
	return slices.DeleteFunc(out, func(id string) bool { return id == "" })
}
