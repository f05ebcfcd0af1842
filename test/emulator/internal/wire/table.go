// Package wire turns AWS query requests into the SDK's input structs and the SDK's output structs into XML, by reflection over
// tables of wire names that internal/wiregen derives from the SDK.
//
// Notation of a table: In maps Go struct → field → form parameter prefix, where a list's prefix includes its element's name
// if the protocol puts one there ("Listeners.member" for Listeners.member.1, "SubnetId" for SubnetId.1). Out maps
// Go struct → field → XML element, where a list is written "set>item" (each element in <item> inside one <set>) or just "name"
// (elements side by side).
package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
)

// Table holds the wire names of one service.
type Table struct {
	Operations []string                     `json:"operations"`
	In         map[string]map[string]string `json:"in"`
	Out        map[string]map[string]string `json:"out"`

	plain bool     // see Plain
	plans sync.Map // reflect.Type → []step, made when a struct is first written
}

// Plain is the table of a service whose wire names are those of the SDK's fields, with lists that are written "Name.member.1" and
// "<Name><member>": nothing has to be generated for it.
func Plain() *Table { return &Table{plain: true} }

// in are the wire names of a struct's fields in requests.
func (t *Table) in(of reflect.Type) map[string]string {
	if t.plain {
		return namesOf(of, ".member")
	}
	return t.In[of.Name()]
}

// out are those in answers.
func (t *Table) out(of reflect.Type) map[string]string {
	if t.plain {
		return namesOf(of, ">member")
	}
	return t.Out[of.Name()]
}

func namesOf(of reflect.Type, list string) map[string]string {
	out := map[string]string{}
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" || field.Type.Kind() == reflect.Map {
			continue
		}
		out[field.Name] = field.Name
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() != reflect.Uint8 {
			out[field.Name] += list
		}
	}
	return out
}

// MustLoad reads an embedded wire.json. It panics on malformed JSON: the file is generated, so that is a build error.
func MustLoad(text []byte) *Table {
	out := &Table{}
	if err := json.Unmarshal(text, out); err != nil {
		panic(fmt.Sprintf("wire.json: %v; run `go run ./test/emulator/internal/wiregen`", err))
	}
	return out
}

// Knows says whether the table was generated with the operation in it.
func (t *Table) Knows(operation string) bool {
	if t.plain {
		return true
	}
	for _, name := range t.Operations {
		if name == operation {
			return true
		}
	}
	return false
}
