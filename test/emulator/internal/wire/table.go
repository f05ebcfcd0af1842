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
	"sync"
)

// Table holds the wire names of one service.
type Table struct {
	Operations []string                     `json:"operations"`
	In         map[string]map[string]string `json:"in"`
	Out        map[string]map[string]string `json:"out"`

	plans sync.Map // reflect.Type → []step, made when a struct is first written
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
	for _, name := range t.Operations {
		if name == operation {
			return true
		}
	}
	return false
}
