package core

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Entry is one request as the log keeps it.
type Entry struct {
	// Seq counts requests from 1 in the order of their arrival; the log is in the order of their ends.
	Seq       int               `json:"seq"`
	Time      time.Time         `json:"time"`
	Account   string            `json:"account"`
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

// idsIn collects the strings of an input struct's fields that are called ...Id, ...Ids, ...Arn or ...Arns, and of Resources.
func idsIn(in any) []string {
	var out []string
	value := reflect.ValueOf(in).Elem()
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if !strings.HasSuffix(name, "Id") && !strings.HasSuffix(name, "Ids") && !strings.HasSuffix(name, "Arn") &&
			!strings.HasSuffix(name, "Arns") && name != "Resources" {
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
	return out
}

// unique sorts a copy of the ids and drops repeated and empty ones.
func unique(ids []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(ids)))
	return slices.DeleteFunc(out, func(id string) bool { return id == "" })
}
