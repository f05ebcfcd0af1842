package core

import (
	"reflect"
	"sort"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Record is a line of the inventory with all that AWS keeps of the resource, as plain JSON values: two records of one resource are
// equal if nothing about it has changed.
type Record struct {
	Resource
	Content any `json:"content"`
}

// Key names the resource among all records.
func (r Record) Key() string {
	return r.Account + "/" + r.Region + "/" + r.Service + "/" + r.Type + "/" + r.ID
}

// Records lists what exists in an account and region ("" for all) with its content, by account, region, service, type and id. Beyond
// Resources it has what AWS makes with a VPC: the default security group and the main route table.
func (e *Emulator) Records(account, region string) []Record {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []Record{}
	for _, resource := range e.inventory(account, region) {
		out = append(out, Record{Resource: resource, Content: plain(reflect.ValueOf(resource.Content))})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key() < out[j].Key() })
	return out
}

// inventory lists what exists, what AWS made by itself with other things included. The lock is held.
func (e *Emulator) inventory(account, region string) []Resource {
	e.world.settle()
	out := []Resource{}
	for _, r := range e.world.regions {
		if (account != "" && account != r.Account) || (region != "" && region != r.Name) {
			continue
		}
		for _, service := range e.services {
			if service.Inventory == nil {
				continue
			}
			for _, resource := range service.Inventory(r) {
				resource.Account, resource.Region, resource.Service = r.Account, r.Name, service.Name
				out = append(out, resource)
			}
		}
	}
	return out
}

// plain turns what a service keeps into what JSON has: structs become maps of their fields that are set, times and bytes text.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		return plainStruct(v)
	case reflect.Map:
		out := map[string]any{}
		for _, key := range v.MapKeys() {
			out[key.String()] = plain(v.MapIndex(key))
		}
		return out
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
			return plainText(string(v.Bytes()))
		}
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	}
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanUint():
		return float64(v.Uint())
	case v.CanFloat():
		return v.Float()
	}
	return nil
}

func plainText(text string) string {
	if !utf8.ValidString(text) {
		return strconv.QuoteToASCII(text)
	}
	return text
}

func plainStruct(v reflect.Value) any {
	if v.Type() == reflect.TypeFor[time.Time]() {
		if !v.CanInterface() && v.CanAddr() {
			v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // a service's own field
		}
		if !v.CanInterface() {
			return nil
		}
		return v.Interface().(time.Time).UTC().Format(time.RFC3339Nano)
	}
	out := map[string]any{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if v.Field(i).IsZero() || field.Name == "noSmithyDocumentSerde" {
			continue
		}
		value := plain(v.Field(i))
		inner, isStruct := value.(map[string]any)
		if !field.Anonymous || !isStruct {
			out[field.Name] = value
			continue
		}
		for name, value := range inner {
			out[name] = value
		}
	}
	return out
}
