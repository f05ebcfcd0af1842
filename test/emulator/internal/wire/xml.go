package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Encode writes the fields of the struct that from points at as XML elements, without a root. Unset fields are left out.
func (t *Table) Encode(from any) ([]byte, error) {
	e := encoder{table: t}
	value := reflect.ValueOf(from)
	if value.IsNil() {
		return nil, nil
	}
	if err := e.structure(value.Elem()); err != nil {
		return nil, err
	}
	return e.buffer.Bytes(), nil
}

type encoder struct {
	table  *Table
	buffer bytes.Buffer
}

// step writes one field of a struct.
type step struct {
	field int
	name  string
}

// plan is how a struct is written: its fields in the order of their Go names.
func (t *Table) plan(of reflect.Type) ([]step, error) {
	if known, ok := t.plans.Load(of); ok {
		return known.([]step), nil
	}
	names := t.out(of)
	fields := make([]string, 0, len(names))
	for field := range names {
		fields = append(fields, field)
	}
	sort.Strings(fields)
	plan := make([]step, 0, len(fields))
	for _, name := range fields {
		field, ok := of.FieldByName(name)
		if !ok {
			return nil, fmt.Errorf("wire table names %s.%s, which the SDK doesn't have", of, name)
		}
		plan = append(plan, step{field: field.Index[0], name: names[name]})
	}
	t.plans.Store(of, plan)
	return plan, nil
}

func (e *encoder) structure(from reflect.Value) error {
	plan, err := e.table.plan(from.Type())
	if err != nil {
		return err
	}
	for _, step := range plan {
		if err := e.value(step.name, from.Field(step.field)); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) value(name string, from reflect.Value) error {
	switch {
	case from.Kind() == reflect.Pointer:
		if from.IsNil() {
			return nil
		}
		from = from.Elem()
	case from.Kind() == reflect.Slice && from.Type().Elem().Kind() != reflect.Uint8:
		return e.list(name, from)
	case from.Kind() == reflect.String && from.Len() == 0:
		return nil // an unset enumeration
	}
	return e.element(name, from)
}

func (e *encoder) list(name string, from reflect.Value) error {
	if from.IsNil() {
		return nil
	}
	set, item, wrapped := strings.Cut(name, ">")
	if !wrapped {
		item = set
	} else {
		e.buffer.WriteString("<" + set + ">")
	}
	for i := range from.Len() {
		if err := e.element(item, from.Index(i)); err != nil {
			return err
		}
	}
	if wrapped {
		e.buffer.WriteString("</" + set + ">")
	}
	return nil
}

func (e *encoder) element(name string, from reflect.Value) error {
	e.buffer.WriteString("<" + name + ">")
	if from.Kind() == reflect.Struct && from.Type() != reflect.TypeFor[time.Time]() {
		if err := e.structure(from); err != nil {
			return err
		}
	} else if err := xml.EscapeText(&e.buffer, []byte(text(from))); err != nil {
		return err
	}
	e.buffer.WriteString("</" + name + ">")
	return nil
}

func text(from reflect.Value) string {
	switch from.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(from.Bool())
	case reflect.Int32, reflect.Int64, reflect.Int:
		return strconv.FormatInt(from.Int(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(from.Float(), 'g', -1, from.Type().Bits())
	case reflect.Slice:
		return base64.StdEncoding.EncodeToString(from.Bytes())
	case reflect.Struct:
		return from.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.000Z")
	default:
		return from.String()
	}
}
