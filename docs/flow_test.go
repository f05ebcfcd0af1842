package docs

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// collected is what can become the reason of a condition.
type collected struct {
	// constants, each with a place where it is written.
	constants map[string]string
	// others are expressions whose values the code doesn't say, by their type, likewise.
	others map[string]string
	// declared are the values of constants that are named as reasons are, with their names.
	declared map[string]string
}

// slot is something that values flow into: a variable, field or parameter, or a result or
// parameter of whatever function a variable holds.
type slot struct {
	of any
	// path is empty for what a variable holds, and leads to results and parameters otherwise.
	path string
}

func slotOf(object types.Object) slot {
	switch o := object.(type) {
	case *types.Var:
		return slot{of: o.Origin()}
	case *types.Func:
		return slot{of: o.Origin()}
	}
	return slot{of: object}
}

func (s slot) String() string {
	if o, ok := s.of.(types.Object); ok {
		return types.ObjectString(o, nil) + s.path
	}
	return fmt.Sprintf("%T%s", s.of, s.path)
}

func (s slot) resultAt(i int) slot { s.path += fmt.Sprint("/result ", i); return s }
func (s slot) paramAt(i int) slot  { s.path += fmt.Sprint("/parameter ", i); return s }

// value is an expression, or one of the results of a call.
type value struct {
	pkg    *packages.Package
	expr   ast.Expr
	result int
}

// flow knows what flows where. It tells neither branches nor calls of one function apart,
// nor an element from what holds it, so it finds too much rather than too little.
type flow struct {
	into     map[slot][]value
	through  map[slot][]slot
	out      collected
	followed map[any]bool
}

// collectReasons follows whatever gets into the field Reason of these types back to constants.
func collectReasons(dir string, patterns []string, sinks ...string) (collected, error) {
	loaded, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports |
		packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo}, patterns...)
	if err != nil {
		return collected{}, err
	}
	f := &flow{into: map[slot][]value{}, through: map[slot][]slot{}, followed: map[any]bool{},
		out: collected{constants: map[string]string{}, others: map[string]string{}, declared: map[string]string{}}}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			return collected{}, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		for _, file := range p.Syntax {
			f.read(p, file)
		}
		for _, name := range p.Types.Scope().Names() {
			if c, ok := p.Types.Scope().Lookup(name).(*types.Const); ok && strings.HasSuffix(name, "Reason") {
				f.out.declared[constant.StringVal(c.Val())] = p.Types.Name() + "." + name
			}
		}
	}
	found := 0
	for s := range f.into {
		if v, ok := s.of.(*types.Var); ok && v.IsField() && v.Name() == "Reason" && s.path == "" && slices.Contains(sinks, ownerOf(loaded, v)) {
			found++
			f.follow(s)
		}
	}
	if found < len(sinks) {
		return collected{}, fmt.Errorf("something flows into %d of %v only", found, sinks)
	}
	return f.out, nil
}

// ownerOf names the type that has a field.
func ownerOf(loaded []*packages.Package, field *types.Var) string {
	scope := field.Pkg().Scope()
	for _, name := range scope.Names() {
		if s, ok := scope.Lookup(name).Type().Underlying().(*types.Struct); ok {
			for i := range s.NumFields() {
				if s.Field(i) == field {
					return field.Pkg().Path() + "." + name
				}
			}
		}
	}
	return ""
}

// read notes what flows where in a file.
func (f *flow) read(p *packages.Package, file *ast.File) {
	var functions []slot
	var signatures []*types.Signature
	var visit func(n ast.Node) bool
	inside := func(function slot, signature *types.Signature, body *ast.BlockStmt) {
		for i := range signature.Params().Len() {
			f.pass(signature.Params().At(i).Type(), function.paramAt(i), slotOf(signature.Params().At(i)))
		}
		if body != nil {
			functions, signatures = append(functions, function), append(signatures, signature)
			ast.Inspect(body, visit)
			functions, signatures = functions[:len(functions)-1], signatures[:len(signatures)-1]
		}
	}
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			function := p.TypesInfo.Defs[n.Name]
			inside(slotOf(function), function.Type().(*types.Signature), n.Body)
			return false
		case *ast.FuncLit:
			inside(slot{of: n}, p.TypesInfo.TypeOf(n).(*types.Signature), n.Body)
			return false
		case *ast.ReturnStmt:
			function, results := functions[len(functions)-1], signatures[len(signatures)-1].Results()
			for i := range results.Len() {
				switch {
				case len(n.Results) == 0:
					f.through[function.resultAt(i)] = append(f.through[function.resultAt(i)], slotOf(results.At(i)))
				case len(n.Results) == results.Len():
					f.add(function.resultAt(i), value{p, n.Results[i], 0})
				default:
					f.add(function.resultAt(i), value{p, n.Results[0], i})
				}
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				f.assign(p, name, n.Values, i, len(n.Names))
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				f.assign(p, left, n.Rhs, i, len(n.Lhs))
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				f.assign(p, n.Value, []ast.Expr{n.X}, 0, 1)
			}
		case *ast.CompositeLit:
			f.literal(p, n)
		case *ast.CallExpr:
			f.call(p, n)
		}
		return true
	}
	ast.Inspect(file, visit)
}

// add notes that a value flows into a slot.
func (f *flow) add(s slot, v value) {
	f.into[s] = append(f.into[s], v)
	if function := held(v.pkg, v.expr); function != (slot{}) {
		f.same(v.pkg.TypesInfo.TypeOf(v.expr), function, s)
	}
}

// pass notes that what is in one slot is in another, too.
func (f *flow) pass(of types.Type, from, to slot) {
	f.through[to] = append(f.through[to], from)
	f.same(of, from, to)
}

// same notes of a function in two slots that what it gets and returns where one of them is called
// is the same for the other.
func (f *flow) same(of types.Type, from, to slot) {
	signature, ok := of.Underlying().(*types.Signature)
	if !ok {
		return
	}
	for i := range signature.Params().Len() {
		f.through[from.paramAt(i)] = append(f.through[from.paramAt(i)], to.paramAt(i))
	}
	for i := range signature.Results().Len() {
		f.through[to.resultAt(i)] = append(f.through[to.resultAt(i)], from.resultAt(i))
	}
}

func (f *flow) assign(p *packages.Package, left ast.Expr, right []ast.Expr, i, of int) {
	target := target(p, left)
	switch {
	case target == nil || len(right) == 0:
	case len(right) == of:
		f.add(slotOf(target), value{p, right[i], 0})
	default:
		f.add(slotOf(target), value{p, right[0], i})
	}
}

// target is the variable or field that is assigned to, or that holds what is.
func target(p *packages.Package, left ast.Expr) types.Object {
	switch l := ast.Unparen(left).(type) {
	case *ast.Ident:
		return p.TypesInfo.ObjectOf(l)
	case *ast.SelectorExpr:
		return p.TypesInfo.ObjectOf(l.Sel)
	case *ast.IndexExpr:
		return target(p, l.X)
	case *ast.StarExpr:
		return target(p, l.X)
	}
	return nil
}

func (f *flow) literal(p *packages.Package, n *ast.CompositeLit) {
	of := p.TypesInfo.TypeOf(n)
	if pointer, ok := of.Underlying().(*types.Pointer); ok {
		of = pointer.Elem()
	}
	fields, ok := of.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, element := range n.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			f.add(slotOf(p.TypesInfo.ObjectOf(pair.Key.(*ast.Ident))), value{p, pair.Value, 0})
			continue
		}
		f.add(slotOf(fields.Field(i)), value{p, element, 0})
	}
}

func (f *flow) call(p *packages.Package, n *ast.CallExpr) {
	signature, ok := p.TypesInfo.TypeOf(n.Fun).(*types.Signature)
	function := held(p, n.Fun)
	if !ok || function == (slot{}) {
		return
	}
	for i, arg := range n.Args {
		if tuple, ok := p.TypesInfo.TypeOf(arg).(*types.Tuple); ok {
			for j := range tuple.Len() {
				f.add(function.paramAt(min(j, signature.Params().Len()-1)), value{p, arg, j})
			}
			continue
		}
		f.add(function.paramAt(min(i, signature.Params().Len()-1)), value{p, arg, 0})
	}
}

// held is a function, or what holds one; nothing for types.
func held(p *packages.Package, function ast.Expr) slot {
	for at := ast.Unparen(function); ; {
		switch x := at.(type) {
		case *ast.IndexExpr:
			at = x.X
		case *ast.IndexListExpr:
			at = x.X
		case *ast.FuncLit:
			return slot{of: x}
		case *ast.Ident, *ast.SelectorExpr:
			switch o := target(p, x).(type) {
			case *types.Func, *types.Var:
				return slotOf(o)
			}
			return slot{}
		default:
			return slot{}
		}
	}
}

// follow goes back from a slot to where its values come from.
func (f *flow) follow(s slot) {
	if f.followed[s] {
		return
	}
	f.followed[s] = true
	if len(f.into[s])+len(f.through[s]) == 0 {
		f.out.others[s.String()] = "which nothing is known to flow into"
	}
	for _, v := range f.into[s] {
		f.evaluate(v)
	}
	for _, from := range f.through[s] {
		f.follow(from)
	}
}

func (f *flow) evaluate(v value) {
	p, key := v.pkg, [2]any{v.expr, v.result}
	if f.followed[key] {
		return
	}
	f.followed[key] = true
	if known := p.TypesInfo.Types[v.expr].Value; known != nil {
		if known.Kind() == constant.String && constant.StringVal(known) != "" {
			f.out.constants[constant.StringVal(known)] = place(v)
		}
		return
	}
	again := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			f.evaluate(value{p, e, 0})
		}
	}
	switch x := ast.Unparen(v.expr).(type) {
	case *ast.Ident, *ast.SelectorExpr:
		if object, ok := target(p, x).(*types.Var); ok {
			f.follow(slotOf(object))
		}
	case *ast.IndexExpr:
		again(x.X)
	case *ast.StarExpr:
		again(x.X)
	case *ast.UnaryExpr:
		again(x.X)
	case *ast.CompositeLit:
		for _, element := range x.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = pair.Value
			}
			again(element)
		}
	case *ast.CallExpr:
		function := held(p, x.Fun)
		fn, _ := function.of.(*types.Func)
		switch {
		case p.TypesInfo.Types[x.Fun].IsType() || fn != nil && fn.FullName() == "cmp.Or":
			again(x.Args...)
		case function != (slot{}):
			f.follow(function.resultAt(v.result))
		default:
			f.unknown(v)
		}
	default:
		f.unknown(v)
	}
}

func (f *flow) unknown(v value) {
	f.out.others[types.TypeString(v.pkg.TypesInfo.TypeOf(v.expr), nil)] = place(v)
}

func place(v value) string {
	at := v.pkg.Fset.Position(v.expr.Pos())
	return fmt.Sprintf("%s:%d", at.Filename, at.Line)
}
