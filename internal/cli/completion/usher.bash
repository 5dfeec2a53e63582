# Completion of usher for bash.
_usher() {
    local word words=("${COMP_WORDS[@]:1:COMP_CWORD}") found=()
    COMPREPLY=()
    # Bash splits words at = and : by default.
    local line=${COMP_LINE:0:COMP_POINT} cut=""
    read -r -a words <<<"$line"
    words=("${words[@]:1}")
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]}-1]}
    [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && cut=${word%=*}=
    while IFS=$'\t' read -r found _; do
        [[ -n $found ]] && COMPREPLY+=("${found#"$cut"}")
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)
}
complete -o default -F _usher usher
