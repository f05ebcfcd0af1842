package wire

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decode fills the struct that into points at from form parameters. Parameters that the table does not name are ignored,
// as AWS does. An error says which parameter holds what wrong value.
func (t *Table) Decode(form url.Values, into any) error {
	d := decoder{table: t, form: form, prefixes: prefixesOf(form)}
	return d.structure("", reflect.ValueOf(into).Elem())
}

type decoder struct {
	table    *Table
	form     url.Values
	prefixes map[string]bool // every dotted prefix of every parameter, the parameter itself included
}

func prefixesOf(form url.Values) map[string]bool {
	out := map[string]bool{}
	for name := range form {
		for i, r := range name {
			if r == '.' {
				out[name[:i]] = true
			}
		}
		out[name] = true
	}
	return out
}

func (d decoder) structure(prefix string, into reflect.Value) error {
	for field, name := range d.table.in(into.Type()) {
		target := into.FieldByName(field)
		if !target.IsValid() {
			return fmt.Errorf("wire table names %s.%s, which the SDK doesn't have", into.Type(), field)
		}
		if kind := target.Type(); kind.Kind() == reflect.Interface || kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Interface {
			continue // unions aren't read
		}
		if prefix != "" {
			name = prefix + "." + name
		}
		if err := d.value(name, target); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) value(name string, into reflect.Value) error {
	if into.Kind() == reflect.Slice && into.Type().Elem().Kind() != reflect.Uint8 {
		return d.list(name, into)
	}
	if !d.prefixes[name] {
		return nil
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	if into.Kind() == reflect.Struct && into.Type() != reflect.TypeFor[time.Time]() {
		return d.structure(name, into)
	}
	text := d.form.Get(name)
	if err := scalar(text, into); err != nil {
		return fmt.Errorf("parameter %s: %q is not %w", name, text, err)
	}
	return nil
}

// list reads name.1, name.2 and so on up to the first gap. A bare "Name=" is an empty list, which differs from none.
func (d decoder) list(name string, into reflect.Value) error {
	if bare, _, _ := strings.Cut(name, ".member"); d.form.Has(bare) && d.form.Get(bare) == "" {
		into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	}
	for i := 1; d.prefixes[name+"."+strconv.Itoa(i)]; i++ {
		element := reflect.New(into.Type().Elem()).Elem()
		if err := d.value(name+"."+strconv.Itoa(i), element); err != nil {
			return err
		}
		into.Set(reflect.Append(into, element))
	}
	return nil
}

// scalar parses one parameter. The error completes the sentence "X is not ...".
func scalar(text string, into reflect.Value) error {
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		value, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("true or false")
		}
		into.SetBool(value)
	case reflect.Int32, reflect.Int64, reflect.Int:
		value, err := strconv.ParseInt(text, 10, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("an integer")
		}
		into.SetInt(value)
	case reflect.Float32, reflect.Float64:
		value, err := strconv.ParseFloat(text, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("a number")
		}
		into.SetFloat(value)
	case reflect.Slice:
		value, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("base64")
		}
		into.SetBytes(value)
	case reflect.Struct:
		value, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("a time such as 2026-01-02T15:04:05Z")
		}
		into.Set(reflect.ValueOf(value))
	default:
		return fmt.Errorf("of a type this codec knows (%s)", into.Type())
	}
	return nil
}
