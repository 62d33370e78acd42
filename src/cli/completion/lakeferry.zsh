# zsh completion of lakeferry. What was typed is handed on as text: nothing of it is evaluated.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_lakeferry() {
  local -a typed=("${(@Q)words[2,CURRENT-1]}") found
  found=(${(f)"$(lakeferry complete -- "${typed[@]}" "${(Q)PREFIX}" 2>/dev/null)"})
  if [[ $found == :files ]]; then
    compset -P '--*='
    _files
  else
    found=("${found[@]/$'\t'/:}")
    _describe lakeferry found
  fi
}
compdef _lakeferry lakeferry
